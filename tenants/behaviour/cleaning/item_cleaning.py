"""Clean an uploaded catalogue: the chain of steps for items. Asks no database."""

import json
from datetime import datetime

import polars as pl

from tenants.behaviour.cleaning.sifting import (
    FAULT_STEPS,
    ID_LENGTH,
    Cleaned,
    Rules,
    Seen,
    Step,
    controls,
    given,
    is_repeated,
    longer,
    sift,
    with_keys,
)
from tenants.behaviour.columns.item_attributes import PREFIX, with_attributes
from tenants.behaviour.columns.mapping import Plan
from tenants.behaviour.columns.parsing import flags, ids, numbers, texts
from tenants.behaviour.reading.tables import Batch

TEXTS = {"title": 1_000, "text": 20_000, "category": 200, "attributes": 20_000}

# What an accepted item keeps: row Int64, price Float64, available Boolean, the rest String;
# attributes is the text of a JSON object. Null where nothing was given.
ITEM_COLUMNS = ("row", "item_id", "title", "text", "category", "price", "available", "attributes")


def has_bad_attributes(living: pl.DataFrame, rules: Rules) -> pl.Series:
    """Attributes that PostgreSQL would not store as a JSON object."""
    distinct = living["attributes"].drop_nulls().unique()
    bad = [text for text in distinct if not is_json_object(text)]
    return living["attributes"].is_in(bad)


def is_json_object(text: str) -> bool:
    """Whether the text is one JSON object without NUL, NaN or half characters."""
    try:
        read = json.loads(text, parse_constant=refuse_constant)
        json.dumps(read, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and "\\u0000" not in text


def refuse_constant(name: str) -> float:
    """NaN and Infinity are no JSON."""
    raise ValueError(name)


ITEM_STEPS = (
    *FAULT_STEPS,
    Step("control_character", controls(("item_id",), tuple(TEXTS))),
    Step("missing_item", pl.col("item_id").is_null()),
    Step("id_too_long", longer({"item_id": ID_LENGTH})),
    Step("text_too_long", longer(TEXTS)),
    Step("bad_price", pl.col("price").is_nan() | (pl.col("price") < 0)),
    Step("bad_flag", pl.col("flag") == -1),
    Step("bad_attributes", has_bad_attributes),
    Step("duplicate", is_repeated),
)


def clean_items(batch: Batch, plan: Plan, *, now: datetime, earlier: Seen | None = None) -> Cleaned:
    """Clean one batch of items; `rows` has ITEM_COLUMNS.

    `earlier` is the `seen` of the batch before, None for the first. The first row of an item in
    a file counts, later ones are duplicates. Raises UploadRefused inexact_ids.
    """
    rules = Rules(plan.options, now, earlier or Seen.nothing())
    return sift(typed_items(batch, plan), ITEM_STEPS, rules, ITEM_COLUMNS)


def typed_items(batch: Batch, plan: Plan) -> pl.DataFrame:
    """The batch in our columns and types, nothing left out yet."""
    flag = flags(given(batch, plan, "available"))
    frame = pl.DataFrame(
        {
            "row": batch.rows,
            "fault": batch.faults,
            "item_id": ids(given(batch, plan, "item_id")),
            **{name: texts(given(batch, plan, name)) for name in TEXTS},
            "price": numbers(given(batch, plan, "price"), plan.options.decimal_mark),
            "flag": flag,
            "available": flag.set((flag < 0).fill_null(False), None).cast(pl.Boolean),
        }
    )
    told = {
        field.removeprefix(PREFIX): given(batch, plan, field)
        for field in plan.mapping
        if field.startswith(PREFIX)
    }
    return with_keys(frame.with_columns(with_attributes(frame["attributes"], told)), ("item_id",))
