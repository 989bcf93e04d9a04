"""How a tenant wants one file read: the options of an upload as checked, plain values."""

import codecs
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from tenants.behaviour.cleaning.pseudo_items import PSEUDO_ITEMS, PseudoItem, one_pattern
from tenants.behaviour.cleaning.rates import USUAL
from tenants.behaviour.columns.schema import plain_name
from tenants.behaviour.columns.times import DATE_ORDERS
from tenants.behaviour.reading.csv_head import DELIMITERS
from tenants.behaviour.refusals import UploadRefused
from tenants.behaviour.types.type_table import TypeTable

DECIMAL_MARKS = (".", ",")
MOST_WEEKS = 5_200
MOST_ACTS = 1_000_000
PATTERN_LENGTH = 300


@dataclass(frozen=True)
class UploadOptions:
    """Options in force for one file; the report repeats them.

    default_type        event type of rows that name none; None leaves such rows rejected
    cancellation_prefix order ids that begin so are cancellations ('C' for 'C123456')
    timezone            IANA zone of times that carry none
    date_order          'day' or 'month': which stands first in dates with the year last (1/2/2026);
                        None: such dates are no possible times
    decimal_mark        '.' (then ',' groups thousands) or ',' (then '.' does)
    pseudo_items        rows that sell no item, left out by id or title
    acts_per_minute     of one person, trades excepted; what goes beyond is no person's. 0: no limit
    known_items_only    rows of items that no catalogue has told of are left out
    shift_weeks         whole weeks added to every time, for demonstration data only
    encoding            of a text file, where what is found out about it is wrong
    delimiter           of a CSV file, likewise

    Raises UploadRefused bad_option; whether the type is one, `check_type` says, who is told the
    tenant's.
    """

    default_type: str | None = None
    cancellation_prefix: str = ""
    timezone: str = "UTC"
    date_order: str | None = None
    decimal_mark: str = "."
    pseudo_items: tuple[PseudoItem, ...] = PSEUDO_ITEMS
    acts_per_minute: int = USUAL
    known_items_only: bool = False
    shift_weeks: int = 0
    encoding: str | None = None
    delimiter: str | None = None

    def __post_init__(self) -> None:
        for name, (holds, allowed) in CHECKS.items():
            if not holds(getattr(self, name)):
                refuse(name, getattr(self, name), allowed)

    def to_plain(self) -> dict[str, Any]:
        """The options as JSON-able values."""
        return {
            **asdict(self),
            "pseudo_items": [asdict(one) for one in self.pseudo_items],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "UploadOptions":
        """Options from JSON values; raises UploadRefused bad_option on an unknown or bad one."""
        names = [field.name for field in fields(cls)]
        for name in plain:
            if name not in names:
                refuse(name, plain[name], f"The options are: {', '.join(names)}.")
        given = dict(plain)
        if "pseudo_items" in given:
            given["pseudo_items"] = read_pseudo_items(given["pseudo_items"])
        return cls(**given)


def refuse(option: str, given: object, allowed: str) -> NoReturn:
    """Raise the refusal of one option."""
    raise UploadRefused(
        "bad_option",
        param=option,
        option=option,
        given=str(given)[:80],
        allowed=allowed,
    )


def read_pseudo_items(plain: Any) -> tuple[PseudoItem, ...]:
    """Patterns from JSON: a list of objects with the keys name, item_id and title."""
    try:
        return tuple(PseudoItem(**one) for one in plain)
    except TypeError:
        refuse(
            "pseudo_items",
            plain,
            "Give a list of objects with name, item_id and title.",
        )


def is_zone(value: object) -> bool:
    """Whether polars and Python both know the zone."""
    if not isinstance(value, str) or not value:
        return False
    try:
        ZoneInfo(value)
        pl.Series([], dtype=pl.Datetime("us")).dt.replace_time_zone(value)
    except (ZoneInfoNotFoundError, ValueError, OSError, pl.exceptions.ComputeError):
        return False
    return True


def are_patterns(value: object) -> bool:
    """Whether every pattern is short and compiles; polars matches in linear time."""
    if not isinstance(value, tuple):
        return False
    texts = [text for one in value for text in (one.name, one.item_id, one.title)]
    return all(isinstance(text, str) and len(text) <= PATTERN_LENGTH for text in texts) and all(
        compiles(pattern) for one in value for pattern in (one.item_id, one.title)
    )


@lru_cache(maxsize=1_000)
def compiles(pattern: str) -> bool:
    """Whether polars can use the pattern, alone and within a choice. Asked of every upload at each
    step, and nearly always of the same few."""
    try:
        pl.Series([""]).str.contains(pattern)
        pl.Series([""]).str.contains(one_pattern((pattern,)) or "")
    except pl.exceptions.ComputeError:
        return False
    return True


def is_word(value: object) -> bool:
    """Whether the value is None or a text that may name an event type."""
    return value is None or (isinstance(value, str) and bool(plain_name(value)))


def check_type(options: UploadOptions, types: TypeTable) -> None:
    """UploadRefused bad_option where the default type is none of these."""
    name = options.default_type
    if name is not None and plain_name(name) not in types.codes:
        refuse("default_type", name, ALLOWED_TYPE)


def is_prefix(value: object) -> bool:
    """Whether the value is a short text."""
    return isinstance(value, str) and len(value) <= 20


def is_shift(value: object) -> bool:
    """Whether the value is a whole number of weeks within a century."""
    return type(value) is int and abs(value) <= MOST_WEEKS


ALLOWED_TYPE = "Name one of the event types."


def is_rate(value: object) -> bool:
    """Whether the value is a whole number of acts, 0 for no limit."""
    return type(value) is int and 0 <= value <= MOST_ACTS


def is_flag(value: object) -> bool:
    """Whether the value is true or false."""
    return isinstance(value, bool)


def is_encoding(value: object) -> bool:
    """Whether the value is None or a name of an encoding that Python knows."""
    if value is None:
        return True
    try:
        return isinstance(value, str) and len(value) <= 40 and bool(codecs.lookup(value))
    except (LookupError, ValueError):
        return False


CHECKS = {
    "default_type": (is_word, ALLOWED_TYPE),
    "cancellation_prefix": (is_prefix, "Give at most 20 characters."),
    "timezone": (is_zone, "Give an IANA name such as Europe/London."),
    "date_order": ((None, *DATE_ORDERS).__contains__, "Give 'day' or 'month'."),
    "decimal_mark": (DECIMAL_MARKS.__contains__, "Give '.' or ','."),
    "pseudo_items": (
        are_patterns,
        "Give patterns of at most 300 characters that compile.",
    ),
    "acts_per_minute": (is_rate, "Give a whole number, or 0 for no limit."),
    "known_items_only": (is_flag, "Give true or false."),
    "shift_weeks": (is_shift, "Give a whole number of weeks."),
    "encoding": (is_encoding, "Give a name such as utf-8, cp1252 or gb18030."),
    "delimiter": ((None, *DELIMITERS).__contains__, "Give a comma, semicolon, tab or bar."),
}
