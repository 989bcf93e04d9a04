"""Reading foreign consent signals into yes and no by category. Pure; strings are never altered.

Segment's category preferences, Google's two answers, the purposes of an IAB TCF string (v2, core
segment), and such a string as a section of a GPP string. What says nothing of a category leaves it
out: silence is neither yes nor no.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from tenants.errors import AppError

# Core segment of TCF v2: the consents to purposes 1 to 24 stand at these bits.
TCF_VERSION, TCF_PURPOSES, TCF_COUNT = 2, 152, 24
GOOGLE = ("ad_user_data", "ad_personalization")
SAYS = {"GRANTED": True, "DENIED": False}


def read_signal(kind: str, value: Any) -> dict[str, bool]:
    """Category -> yes or no. AppError `bad_signal` for what is no such signal."""
    return READERS[kind](value)


def _unreadable(kind: str) -> AppError:
    return AppError(
        "bad_signal", f"This is no signal of the kind {kind}. Send it as it came.", param="value"
    )


def _segment(value: Any) -> dict[str, bool]:
    told = value.get("categoryPreferences") if isinstance(value, Mapping) else None
    if not isinstance(told, Mapping) or not all(isinstance(yes, bool) for yes in told.values()):
        raise _unreadable("segment")
    return {str(category): yes for category, yes in told.items()}


def _google(value: Any) -> dict[str, bool]:
    if not isinstance(value, Mapping):
        raise _unreadable("google")
    told = {name: value[name] for name in GOOGLE if name in value}
    if not told or not all(isinstance(word, str) for word in told.values()):
        raise _unreadable("google")
    return {name: SAYS[word] for name, word in told.items() if word in SAYS}


def _tcf(value: Any) -> dict[str, bool]:
    bits = _bits(value.partition(".")[0]) if isinstance(value, str) else ""
    if len(bits) < TCF_PURPOSES + TCF_COUNT or int(bits[:6], 2) != TCF_VERSION:
        raise _unreadable("tcf")
    purposes = bits[TCF_PURPOSES : TCF_PURPOSES + TCF_COUNT]
    return {str(number): bit == "1" for number, bit in enumerate(purposes, 1)}


def _gpp(value: Any) -> dict[str, bool]:
    header, _, sections = value.partition("~") if isinstance(value, str) else ("", "", "")
    # A header's type is 3, in its first six bits.
    if not sections or _bits(header)[:6] != "000011":
        raise _unreadable("gpp")
    for section in sections.split("~"):
        try:
            return _tcf(section)
        except AppError:
            continue
    return {}


def _bits(text: str) -> str:
    """The bits behind URL-safe base 64 without padding; none for what is not such."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return ""
    return "".join(f"{byte:08b}" for byte in raw)


READERS: dict[str, Callable[[Any], dict[str, bool]]] = {
    "segment": _segment,
    "google": _google,
    "tcf": _tcf,
    "gpp": _gpp,
}
