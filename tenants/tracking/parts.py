"""The parts of a message, each read by itself: a text, a number, an item's id, the act it names."""

from collections.abc import Mapping
from functools import lru_cache
from math import inf, isnan
from typing import Any

from tenants.behaviour.columns.schema import plain_name
from tenants.tracking.ecommerce import ACTS, UNTOLD, Act

# Characters of a name: longer ones are a stranger's, and would fill the memory.
LONGEST_REMEMBERED = 80


def act_named(name: str) -> Act | None:
    """What the name of an event says was done; None for what tells of no act on an item."""
    return remembered_act(name) if len(name) <= LONGEST_REMEMBERED else _act_named(name)


def _act_named(name: str) -> Act | None:
    plain = plain_name(name)
    return None if plain in UNTOLD else ACTS.get(plain) or Act(text(name) or name)


# A shop's tracker says the same few names.
remembered_act = lru_cache(maxsize=1_000)(_act_named)


def first(line: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The text under the first of the names that has one."""
    for name in names:
        if name in line and (found := text(line[name])):
            return found
    return None


def text(value: Any) -> str | None:
    """A text or a whole number as a text, without blanks around it; None for anything else.

    One that PostgreSQL would not keep becomes what cleaning refuses as a control character.
    """
    if not isinstance(value, str):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return str(value) if whole else None
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "\x00"
    return value.strip() or None


def number(value: Any) -> float | None:
    """A number, also written as a text; infinite, which cleaning refuses, for what is none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return inf
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return inf
    return inf if isnan(read) else read


def named(value: Any) -> str:
    """The value where it is a text."""
    return value if isinstance(value, str) else ""
