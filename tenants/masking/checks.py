"""Whether digits that have the right shape are the number they look like: checksums and ranges.

The sums are python-stdnum's; what is ours is the place of a number in its text. Pure.
"""

import ipaddress
import re
from datetime import date

from stdnum import iban as iban_rules
from stdnum import luhn
from stdnum.cn import ric
from stdnum.us import ssn

# First digits of the cards that people hold (ISO/IEC 7812), and how long such a number is.
ISSUERS = (
    (re.compile(r"4"), {13, 16, 19}),
    (re.compile(r"5[1-5]|2[2-7]"), {16}),
    (re.compile(r"3[47]"), {15}),
    (re.compile(r"35"), {16}),
    (re.compile(r"6(?:0|2|5)"), {16, 17, 18, 19}),
)
SHORTEST_IBAN = 15


def digits_of(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", text)


def is_resident_id(text: str) -> bool:
    """GB 11643: eighteen places, a birthday that exists, and the check digit (ISO 7064)."""
    number = digits_of(text).upper()
    return len(number) == 18 and ric.calc_check_digit(number) == number[-1] and _is_day(number)


def _is_day(number: str) -> bool:
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return born <= date.today()


def is_card(text: str) -> bool:
    """The issuer's first digits, their length, and Luhn's sum."""
    number = digits_of(text)
    known = any(one.match(number) and len(number) in lengths for one, lengths in ISSUERS)
    return known and luhn.is_valid(number)


def iban_length(text: str) -> int:
    """How many characters from the start are an IBAN (ISO 13616, mod 97); 0 when none are."""
    for end in range(len(text), SHORTEST_IBAN - 1, -1):
        if text[end - 1] != " " and iban_rules.is_valid(text[:end], check_country=False):
            return end
    return 0


def is_ssn(text: str) -> bool:
    """Areas, groups and serials that are given out, and none of the well-known examples."""
    return ssn.is_valid(text)


def is_ipv4(text: str) -> bool:
    """An address of one machine; not the one that every machine calls itself."""
    try:
        found = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not (found.is_loopback or found.is_unspecified)


def is_ipv6(text: str) -> bool:
    """The same; three groups at least, since `a::b` may be anything."""
    try:
        found = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    groups = [group for group in text.split(":") if group]
    return len(groups) > 2 and not found.is_loopback
