"""The first rows as they would be read under a mapping, and why some of them would not be stored.

Pure but for the clock. Ids of people are not shown: whoever says how a file is read needs to see
which rows are of one person, not of whom.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from tenants.behaviour.asking.look import Look
from tenants.behaviour.cleaning.consent_cleaning import typed_consents
from tenants.behaviour.cleaning.event_cleaning import typed_events
from tenants.behaviour.cleaning.item_cleaning import typed_items
from tenants.behaviour.cleaning.personal_texts import for_training
from tenants.behaviour.columns.mapping import MORE, REPAIRED, Plan, settle
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.columns.parsing import texts
from tenants.behaviour.columns.schema import EVENTS, ITEMS, KINDS, UploadKind
from tenants.behaviour.processing.kinds import KINDS as KINDS_OF_WORK
from tenants.behaviour.types.type_table import TypeTable

SHOWN = 10
TYPED = {"events": typed_events, "items": typed_items, "consents": typed_consents}
# What is of one person alone, and so shown by a number within the preview.
OF_PERSONS = {
    "user_id": "person",
    "order_id": "order",
    "event_id": "event",
    "consent_record_id": "record",
    "record_id": "record",
    "guardian_record_id": "record",
    "supersedes": "record",
}
FIRST_DAY, LAST_DAY = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
# What anything may stand in is shown masked, as a model reads it; so is every text.
TEXT_TYPES = ("text", "json", "list")


@dataclass(frozen=True)
class ShownRow:
    """One row: its number in the file, its values by our columns, and the code with which it would
    be left out, or None."""

    row: int
    values: dict[str, Any]
    code: str | None


@dataclass(frozen=True)
class Preview:
    """How the first rows read: `missing` are required columns without one of the file's, and while
    there are such no row is judged; `ended` counts the codes among all `looked_at` rows."""

    plan: Plan
    missing: tuple[str, ...]
    rows: tuple[ShownRow, ...]
    looked_at: int
    ended: dict[str, int]

    @property
    def fields(self) -> tuple[str, ...]:
        """Our columns that the file brings, and those that are reckoned from others."""
        return tuple(self.rows[0].values) if self.rows else ()


def preview(
    kind: str,
    look: Look,
    mapping: Mapping[str, str],
    options: UploadOptions,
    types: TypeTable,
    now: datetime,
) -> Preview:
    """Read the first rows so. Raises UploadRefused: unknown_field, column_not_found,
    too_much_context, inexact_ids, context_of_persons."""
    ours = KINDS[kind]
    settled = settle(ours, look.columns, mapping)
    read = set(settled.values())
    unread = tuple(name for name in look.columns if name not in read)
    plan = Plan(ours, settled, unread, options, types, repaired=REPAIRED in look.columns)
    missing = _missing(ours, settled, options)
    typed = TYPED[kind](look.batch, plan)
    codes: dict[int, str] = {}
    if not missing:
        cleaned = KINDS_OF_WORK[kind].clean(look.batch, plan, now, None)
        codes = dict(cleaned.marks.iter_rows())
    ended: dict[str, int] = {}
    for code in codes.values():
        ended[code] = ended.get(code, 0) + 1
    return Preview(plan, missing, _shown(typed, plan, codes), typed.height, ended)


def _missing(
    kind: UploadKind, mapping: Mapping[str, str], options: UploadOptions
) -> tuple[str, ...]:
    required = [one.name for one in kind.columns if one.required and one.name not in mapping]
    if kind is EVENTS and "type" not in mapping and options.default_type is None:
        required.append("type")
    return tuple(required)


def _shown(typed: pl.DataFrame, plan: Plan, codes: Mapping[int, str]) -> tuple[ShownRow, ...]:
    """The first rows, those that would be left out among them."""
    columns: dict[str, list[Any]] = {}
    for column in plan.kind.columns:
        reckoned = column.name == "type" and plan.options.default_type is not None
        if column.name in plan.mapping or reckoned or _is_attributes(column.name, plan):
            columns[column.name] = _values(typed, column.name, column.type, plan.types)
    return tuple(
        ShownRow(row, {name: values[place] for name, values in columns.items()}, codes.get(row))
        for place, row in enumerate(typed["row"].head(SHOWN))
    )


def _is_attributes(name: str, plan: Plan) -> bool:
    more = MORE.get(plan.kind.name, ("", None))[0].removesuffix("KEY")
    return name == "attributes" and any(field.startswith(more) for field in plan.mapping)


def _values(typed: pl.DataFrame, name: str, type_: str, types: TypeTable) -> list[Any]:
    if name == "type":
        codes = typed["type_code"].head(SHOWN)
        return [types.by_code[code].name if code in types.by_code else None for code in codes]
    column = typed[name]
    if name in OF_PERSONS:
        return _numbered(column)
    column = column.head(SHOWN)
    if type_ in TEXT_TYPES or column.dtype == pl.String:
        return for_training(column).to_list()
    if column.dtype.is_float():
        column = column.set(~column.is_finite().fill_null(True), None)
    if column.dtype.is_temporal():  # as far as Python and every zone can follow
        column = column.set(~column.is_between(FIRST_DAY, LAST_DAY).fill_null(True), None)
    return column.to_list()


def _numbered(column: pl.Series) -> list[int | None]:
    """1 for the first id, 2 for the next one, and so on: equal ids have one number."""
    numbers: dict[str, int] = {}
    return [
        None if one is None else numbers.setdefault(one, len(numbers) + 1)
        for one in column.head(SHOWN)
    ]


@dataclass(frozen=True)
class Unread:
    """A column that none of ours is: how many different values its first rows hold, in how many
    cells, and of things a few of them."""

    name: str
    place: int
    distinct: int
    filled: int
    examples: tuple[str, ...]


EXAMPLES = 3


def unread_columns(kind: str, look: Look, used: set[str]) -> list[Unread]:
    """Every column of the file that is not among the `used` ones, in the order of the file.

    Of people no value is shown: a column that nobody has named yet may hold anything.
    """
    found = []
    for place, column in enumerate(look.batch.frame.get_columns()):
        if column.name in used:
            continue
        some = texts(column).drop_nulls()
        different = some.unique(maintain_order=True)
        some_of = for_training(different.head(EXAMPLES)) if kind == ITEMS.name else ()
        examples = tuple(text[:40] for text in some_of)
        found.append(Unread(column.name, place, different.len(), some.len(), examples))
    return found
