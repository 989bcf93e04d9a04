"""Which of a file's columns is which of ours, proposed from headings and the first rows.

Pure. Names first, then aliases, then words in headings, then contents; each proposal says how sure
it is and why. Nothing here is settled: a person confirms it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import polars as pl

from tenants.behaviour.asking.contents import RULES, is_about_item
from tenants.behaviour.asking.names import BIRTH, HINTS, PERSONAL, hints_at
from tenants.behaviour.asking.profile import Profile, profile
from tenants.behaviour.asking.sheet import Sheet, is_scale
from tenants.behaviour.columns.parsing import ids, numbers, texts
from tenants.behaviour.columns.schema import EVENTS, Column, UploadKind, plain_name
from tenants.behaviour.refusals import UploadRefused

ABOUT_ITEMS = ("item_title", "item_category")
# At least so sure: what contradicts its name is still proposed, where nothing fits better.
LEAST = 0.4
# Dates in figures with the year last, and the zones of those who write the month first.
LAST_YEAR_DATE = r"^(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})[-/.](?:\d{4}|\d{2})\b"
MONTH_FIRST = (
    *(f"America/{city}" for city in (
        "New_York", "Detroit", "Chicago", "Denver", "Boise", "Phoenix", "Los_Angeles", "Anchorage",
        "Juneau", "Sitka", "Nome", "Adak", "Menominee", "Indiana", "Kentucky", "North_Dakota",
    )),
    "Pacific/Honolulu", "US/",
)  # fmt: skip
# Of wider files only so many columns are looked at, and fewer compared with each other.
LOOKED_AT = 60
COMPARED = 30


@dataclass(frozen=True)
class Guess:
    """One of our columns and the file's that it may be; `confidence` 0 to 1, `reason` a code."""

    field: str
    column: str
    confidence: float
    reason: str


def sheet_of(
    frame: pl.DataFrame,
    *,
    vocabulary: Mapping[str, frozenset[str]],
    zone: str = "UTC",
    decimal_mark: str = ".",
    date_order: str | None = None,
) -> Sheet:
    """The first rows with what they say of each column. `vocabulary`: the words (`plain_name`)
    that a column of ours takes, by its name."""
    profiles = {
        column.name: profile(column, zone=zone, decimal_mark=decimal_mark, date_order=date_order)
        for column in frame.get_columns()[:LOOKED_AT]
    }
    return Sheet(frame, profiles, vocabulary)


def propose(kind: UploadKind, sheet: Sheet) -> dict[str, Guess]:
    """The best of the file's columns for each of ours, by our name; none serves twice."""
    found: dict[str, Guess] = {}
    order = {column.name: place for place, column in enumerate(kind.columns)}
    guesses = sorted(
        _guesses(kind, sheet), key=lambda one: (-one.confidence, order[one.field], one.column)
    )
    for guess in guesses:
        taken = {one.column for one in found.values()}
        if guess.field not in found and guess.column not in taken and guess.confidence >= LEAST:
            found[guess.field] = guess
    return {name: found[name] for name in order if name in found}


def _guesses(kind: UploadKind, sheet: Sheet) -> Iterator[Guess]:
    rules, hints = RULES[kind], HINTS[kind]
    compared = replace(sheet, profiles=dict(islice(sheet.profiles.items(), COMPARED)))
    for column in kind.columns:
        for name in sheet.frame.columns:
            one = sheet.profiles.get(name)
            confidence, reason = _by_name(column, hints.get(column.name, ()), name)
            if reason == "hint" and not _may_hint(kind, column, name, compared):
                confidence, reason = 0.0, ""
            if reason:
                sound = one is None or holds(column, one)
                confidence, reason = (confidence, reason) if sound else (LEAST, "contradicted")
                yield Guess(column.name, name, confidence, reason)
            rule = rules.get(column.name)
            evidence = rule(compared, one) if one and rule and name in compared.profiles else None
            if evidence is not None and not hints_at(name, BIRTH):
                yield Guess(column.name, name, *evidence)


def _by_name(column: Column, hints: tuple[str, ...], name: str) -> tuple[float, str]:
    plain = plain_name(name)
    if plain == plain_name(column.name):
        return 1.0, "name"
    if plain in column.aliases:
        # The table's order says which alias is meant first.
        return 0.95 - 0.001 * column.aliases.index(plain), "alias"
    return (0.75, "hint") if hints_at(name, hints) else (0.0, "")


def _may_hint(kind: UploadKind, column: Column, name: str, compared: Sheet) -> bool:
    """Whether a word in the heading counts: "customer name" is no item's, and in events a text is
    the item's only where it follows one."""
    if column.name != "user_id" and hints_at(name, PERSONAL):
        return False
    if kind is EVENTS and column.name in ABOUT_ITEMS:
        one = compared.profiles.get(name)
        return one is not None and is_about_item(compared, one)
    return True


def holds(column: Column, one: Profile) -> bool:
    """Whether a column's contents can be what its heading says; an empty one can be anything."""
    if not one.filled:
        return True
    return {
        "time": one.time >= 0.5,
        "number": one.number >= 0.5 and not one.epoch,
        "flag": one.flag >= 0.5,
        "json": one.json >= 0.5,
        "id": one.blank < 0.5 and one.length <= 64 and one.time < 0.9,
        "word": one.blank < 0.9 and one.length <= 60,
    }.get(column.type, one.time < 0.9)


def suggested_options(kind: UploadKind, sheet: Sheet, mapping: Mapping[str, str]) -> dict[str, Any]:
    """The options that the rows speak for under this mapping; only those that differ from usual."""
    found: dict[str, Any] = {}
    if kind is EVENTS:
        if "type" not in mapping:
            found["default_type"] = _likely_type(sheet, mapping)
        if prefix := _cancellation(sheet, mapping):
            found["cancellation_prefix"] = prefix
    return found


def _likely_type(sheet: Sheet, mapping: Mapping[str, str]) -> str:
    value = sheet.profiles.get(mapping.get("value", ""))
    if value and is_scale(value):
        return "rating"
    return "purchase" if {"order_id", "quantity", "price"} & mapping.keys() else "view"


def _cancellation(sheet: Sheet, mapping: Mapping[str, str]) -> str:
    """The letters before the numbers of some orders, where the others are numbers alone."""
    if (name := mapping.get("order_id", "")) not in sheet.frame.columns:
        return ""
    try:
        orders = ids(sheet.frame[name]).drop_nulls()
    except UploadRefused:  # too coarse to be ids, as the preview says
        return ""
    marks = orders.str.extract(r"^([A-Za-z]{1,3})\d+$").drop_nulls()
    plain = int(orders.str.contains(r"^\d+$").sum())
    if marks.len() == 0 or marks.n_unique() > 1 or plain + marks.len() < orders.len():
        return ""
    return str(marks[0]) if marks.len() < plain else ""


def likely_decimal_mark(columns: Sequence[pl.Series]) -> str:
    """The mark with which more cells that hold one are numbers: '.' or ','."""
    readable = dict.fromkeys(".,", 0)
    for column in columns:
        if not column.dtype.is_numeric():
            cells = texts(column)
            marked = cells.filter(cells.str.contains(r"^[^\w]*\d[\d.,' ]*[.,]\d+").fill_null(False))
            for mark in readable:
                # A mark before exactly three digits may stand between thousands.
                sure = marked.filter(marked.str.contains(rf"[{mark}](?:\d{{1,2}}|\d{{4,}})\D*$"))
                read = numbers(sure, mark)
                readable[mark] += int(read.is_not_nan().fill_null(False).sum())
    return "," if readable[","] > readable["."] else "."


def likely_date_order(columns: Sequence[pl.Series], zone: str) -> str | None:
    """What stands first in dates with their year last: 'day', 'month', or None without such dates.

    A number above 12 is a day. Where none is, points mean the day; else the zone says what its
    country writes, and the first rows, shown as they are read, let a person correct it.
    """
    cells = [texts(one) for one in columns if not one.dtype.is_numeric()]
    parts = [cell.str.extract_groups(LAST_YEAR_DATE).struct.unnest() for cell in cells]
    dates = pl.concat(parts).drop_nulls("first") if parts else pl.DataFrame()
    if dates.is_empty():
        return None
    above = dates.select(pl.col("first", "second").cast(pl.Int64) > 12).sum().row(0)
    if above[0] != above[1]:
        return "day" if above[0] > above[1] else "month"
    pointed = dates["mark"].eq(".").any()
    return "month" if zone.startswith(MONTH_FIRST) and not pointed else "day"
