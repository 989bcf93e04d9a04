"""Shapes of numbers that stand for a person: by checksum where there is one, else by what is said
before them.
"""

from tenants.masking import addresses, checks
from tenants.masking.kind import ALONE, ENDS, PHONE_WORD, SAYS, kind

_BORN = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_AREA = r"0(?:10|2\d|[3-9]\d\d)"

NUMBERS = (
    kind("email", addresses.IN_TEXT, "@"),
    kind(
        "cn_resident_id",
        rf"{ALONE}[1-9]\d{{5}}[ -]?(?:18|19|20)\d\d{_BORN}[ -]?\d{{3}}[\dXx](?![0-9A-Za-z])",
        holds=checks.is_resident_id,
    ),
    # The old form of fifteen digits has no check digit.
    kind(
        "cn_resident_id",
        rf"(?:身份证|证件){SAYS}(?P<it>[1-9]\d{{7}}{_BORN}\d{{3}}(?!\d))",
        "身份证|证件",
    ),
    kind(
        "iban",
        r"(?<![0-9A-Za-z])[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![0-9A-Za-z])",
        holds=checks.iban_length,
    ),
    kind(
        "bank_card",
        rf"{ALONE}[2-6]\d{{3}}(?:[ -]?\d{{4}}){{2}}[ -]?\d{{1,4}}(?:[ -]?\d{{1,3}})?{ENDS}",
        holds=checks.is_card,
        careful=True,
    ),
    kind(
        "bank_card",
        rf"{ALONE}3[47]\d\d[ -]?\d{{6}}[ -]?\d{{5}}{ENDS}",
        holds=checks.is_card,
        careful=True,
    ),
    kind(
        "cn_mobile",
        rf"{ALONE}(?:(?:\+|00)?86[ -]?)?1[3-9]\d[ -]?\d{{4}}[ -]?\d{{4}}{ENDS}",
        careful=True,
    ),
    kind(
        "cn_landline",
        rf"{ALONE}(?:\+?86[ -]?)?(?:\({_AREA}\) ?|{_AREA}[- ])[2-8]\d{{2,3}}[ -]?\d{{4}}{ENDS}",
        careful=True,
    ),
    kind(
        "cn_landline",
        rf"(?:{PHONE_WORD}){SAYS}(?P<it>{_AREA}[2-8]\d{{6,7}}(?!\d))",
        PHONE_WORD,
        any_case=True,
    ),
    kind("phone", rf"{ALONE}\+[1-9](?:[ ().-]{{0,2}}\d){{8,14}}{ENDS}", "+", careful=True),
    kind(
        "phone",
        rf"{ALONE}(?!400)(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[.-]\d{{4}}{ENDS}",
        careful=True,
    ),
    # Numbers that begin with 400 are a business's.
    kind(
        "phone",
        rf"(?:{PHONE_WORD}){SAYS}(?:(?:me|us|him|her|at|on)\b[^\S\n]?){{0,2}}"
        r"(?P<it>(?!400|800-8)\(?[0-9](?:[ ().-]{0,2}\d){6,13}(?!\d))",
        PHONE_WORD,
        any_case=True,
    ),
    kind(
        "us_ssn",
        rf"{ALONE}\d{{3}}[- ]\d\d[- ]\d{{4}}{ENDS}",
        holds=checks.is_ssn,
        careful=True,
    ),
    kind(
        "us_ssn",
        rf"(?:ssn|social security(?: number)?){SAYS}(?P<it>\d{{9}}(?!\d))",
        "ssn|social",
        holds=checks.is_ssn,
        any_case=True,
    ),
    kind(
        "ipv4",
        r"(?<![\w.\-/])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)",
        ".",
        holds=checks.is_ipv4,
        careful=True,
    ),
    kind(
        "ipv6",
        r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])",
        ":",
        holds=checks.is_ipv6,
    ),
)
