"""What a file tells of items beyond our columns: the mapping's `attributes.KEY`, kept as JSON.

Unread columns of a catalogue become attributes by themselves, under their own headings: they speak
of things, not of people. An empty name in the mapping leaves one out. What is longer than an
attribute is no attribute and is left aside; it is never a reason to lose the item.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tenants.behaviour.columns.parsing import texts
from tenants.behaviour.refusals import UploadRefused

PREFIX = "attributes."
# Headings of ours in files that we gave back to be repaired: they tell nothing of an item.
OURS = "attune_"
KEY_LENGTH = 60
# Together at most 40 times 460 characters: below what `item_cleaning` takes of an item.
MOST_KEYS = 40
VALUE_LENGTH = 400


def is_attribute(field: str) -> bool:
    """Whether a field of a mapping is an attribute with a key that can be kept."""
    key = field.removeprefix(PREFIX)
    sound = 0 < len(key) <= KEY_LENGTH and key.isprintable() and not key.startswith(OURS)
    return field.startswith(PREFIX) and sound


def attribute_field(column: str) -> str:
    """The mapping's field for a column of this heading; no good one where it is too long."""
    return PREFIX + column


def check_keys(given: Mapping[str, str]) -> None:
    """UploadRefused too_many_attributes when a mapping names more of them than are kept."""
    found = sum(bool(theirs) for field, theirs in given.items() if is_attribute(field))
    if found > MOST_KEYS:
        raise UploadRefused("too_many_attributes", param="mapping", count=found, most=MOST_KEYS)


def proposed(columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """The unread `columns` as attributes, in their order, as many as there is room for beside those
    of the `given` mapping; a key that it names, also to leave it out, is not proposed again."""
    room = MOST_KEYS - sum(bool(theirs) for field, theirs in given.items() if is_attribute(field))
    fields = ((attribute_field(column), column) for column in columns)
    fresh = [(field, name) for field, name in fields if is_attribute(field) and field not in given]
    return dict(fresh[: max(room, 0)])


def with_attributes(own: pl.Series, told: Mapping[str, pl.Series]) -> pl.Series:
    """The texts of JSON objects that are kept: those of the file's own column of attributes, and
    the values of other columns by key where it has none such. What is no object stays as it is.

    Numbers and flags stay such where the file types them; String, null where nothing is told.
    """
    if not told:
        return own
    frame = pl.DataFrame({key: kept(column) for key, column in told.items()})
    rows = zip(own, frame.iter_rows(named=True), strict=True)
    return pl.Series(own.name, [_joined(text, row) for text, row in rows], dtype=pl.String)


def kept(column: pl.Series) -> pl.Series:
    """The column's values as JSON holds them; null where nothing is given, or too much."""
    if column.dtype.is_integer() or column.dtype == pl.Boolean:
        return column
    if column.dtype.is_float():
        return column.set(~column.is_finite().fill_null(True), None)
    text = texts(column)
    return text.set((text.str.len_chars() > VALUE_LENGTH).fill_null(False), None)


def _joined(own: str | None, row: dict[str, Any]) -> str | None:
    told = {key: value for key, value in row.items() if value is not None}
    if own is None:
        return json.dumps(told, ensure_ascii=False) if told else None
    try:
        first = json.loads(own)
    except (ValueError, RecursionError):
        return own
    if not told or not isinstance(first, dict):
        return own
    return json.dumps(told | first, ensure_ascii=False)
