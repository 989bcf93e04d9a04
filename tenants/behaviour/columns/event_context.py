"""What a sender tells beside an act: the values of columns that the mapping names `context.KEY`.

Nothing is kept that was not named so. Meant for groups (a country, a sales channel): what belongs
to one person alone would lie here in the clear, so rows are refused whose value looks like that,
and files with too many different ones. What looks like a group and is none, nobody can tell here.
"""

import json
import re
from collections.abc import Iterable

import polars as pl

from tenants.behaviour.cleaning.personal_texts import looks_personal
from tenants.behaviour.refusals import UploadRefused

PREFIX = "context."
KEY = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
MOST_KEYS = 4
VALUE_LENGTH = 100
# Different values of one key among the rows that are cleaned at once; there are fewer countries.
MOST_VALUES = 300


def is_context(field: str) -> bool:
    """Whether a field of a mapping is a context key, well written."""
    return field.startswith(PREFIX) and bool(KEY.fullmatch(field.removeprefix(PREFIX)))


def context_field(column: str) -> str:
    """The mapping's field for a column of this heading: `context.sales_channel` for 'Sales
    channel'; no good one where the heading gives no key."""
    return PREFIX + re.sub(r"[\W_]+", "_", column.casefold(), flags=re.ASCII).strip("_")


def check_keys(fields: Iterable[str], param: str = "mapping") -> None:
    """UploadRefused too_much_context when a mapping names more context keys than are kept."""
    found = sum(is_context(field) for field in fields)
    if found > MOST_KEYS:
        raise UploadRefused("too_much_context", param=param, count=found, most=MOST_KEYS)


def contexts(columns: dict[str, pl.Series], rows: int) -> pl.DataFrame:
    """Two String columns of `rows` rows: `context`, the JSON object that is stored, and
    `context_text`, its values one after another, for the checks; null where nothing was told.

    `columns` are the texts by context key. UploadRefused context_of_persons.
    """
    if not columns:
        empty = pl.Series([None], dtype=pl.String).new_from_index(0, rows)
        return pl.DataFrame({"context": empty, "context_text": empty})
    told = pl.DataFrame(columns)
    for name in told.columns:
        if told[name].n_unique() > MOST_VALUES:
            raise UploadRefused("context_of_persons", param="context", key=name, most=MOST_VALUES)
    distinct = told.unique()
    stored = [_stored(row) for row in distinct.iter_rows(named=True)]
    # No key begins with an underscore, so these are nobody's.
    joined = distinct.with_columns(
        pl.Series("_json", stored, dtype=pl.String),
        pl.concat_str(pl.all(), separator=" ", ignore_nulls=True).alias("_text"),
    )
    found = told.join(joined, on=told.columns, how="left", nulls_equal=True, maintain_order="left")
    text = pl.when(pl.col("_json").is_not_null()).then("_text")
    return found.select(pl.col("_json").alias("context"), text.alias("context_text"))


def _stored(row: dict[str, str | None]) -> str | None:
    given = {name: value for name, value in sorted(row.items()) if value is not None}
    return json.dumps(given, ensure_ascii=False) if given else None


def personal(living: pl.DataFrame) -> pl.Series:
    """Whether what is told looks like one person's: an address, a long number, any other shape
    that is masked elsewhere."""
    text = living["context_text"]
    if text.null_count() == text.len():
        return text.is_not_null()
    return text.str.contains(r"@|\d{6}").fill_null(False) | looks_personal(text)


def too_long() -> pl.Expr:
    """Whether what is told is longer than it may be."""
    return (pl.col("context_text").str.len_chars() > VALUE_LENGTH).fill_null(False)
