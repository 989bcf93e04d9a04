"""A tenant's usable events out of the database as arrays, never through the ORM.

The rows come as a binary COPY in which all are equally long (`binary_copy`).
"""

from collections.abc import Mapping

import polars as pl

from tenants.isolation.binary_copy import EPOCH, Array, read
from training.jobs.allowed import ALLOWED, USABLE, asked_of_training, whole_tenant

# What a null is told as: no number of an event is NaN, and no label hashes to nothing.
EVENTS = f"""copy (
    select e.subject_id, e.item_id, e.type, e.occurred_at, coalesce(e.value, 'NaN'),
        coalesce(e.quantity, 'NaN'), s.record_id,
        coalesce(hashtextextended(nullif(e.context ->> %(subjects)s::text, ''), 0), 0)
    {ALLOWED} where {USABLE}
    order by e.subject_id, e.occurred_at, e.id
) to stdout (format binary)"""  # nosec B608 # constants of this file alone
LABELS = f"""
select distinct e.context ->> %(subjects)s::text as label,
    hashtextextended(e.context ->> %(subjects)s::text, 0)
{ALLOWED} where {USABLE} and e.context ->> %(subjects)s::text <> ''"""  # nosec B608 # the same

EVENT_COLUMNS = {
    "subject": ">i8",
    "item": ">i8",
    "code": ">i2",
    "occurred_at": ">i8",
    "value": ">f8",
    "quantity": ">f8",
    "record_id": "V16",
    "label": ">i8",
}


def read_events(params: Mapping[str, str | None]) -> dict[str, Array]:
    """The columns of EVENT_COLUMNS, ordered by subject and time; times in microseconds since 1970.

    `params` are those of `grouping.label_params`. Runs in a tenant's scope.
    """
    with whole_tenant() as cursor, cursor.copy(asked_of_training(EVENTS), params) as copy:
        columns = read(copy, EVENT_COLUMNS)
    columns["occurred_at"] += EPOCH
    return columns


def label_names(params: Mapping[str, str | None]) -> dict[int, str]:
    """What the labels of `read_events` stand for; nothing where none was asked for."""
    if params["subjects"] is None:
        return {}
    with whole_tenant() as cursor:
        cursor.execute(asked_of_training(LABELS), params)
        return {code: label for label, code in cursor.fetchall()}


def event_frame(columns: Mapping[str, Array], names: Mapping[int, str]) -> pl.DataFrame:
    """The events as a frame: nulls for what is none, `label` by its name; without the records."""
    plain = {name: column for name, column in columns.items() if name != "record_id"}
    label = pl.col("label").replace_strict(dict(names), default=None, return_dtype=pl.String)
    return pl.DataFrame(plain).with_columns(
        pl.col("value", "quantity").fill_nan(None).cast(pl.Float32),
        label if names else pl.lit(None, pl.String).alias("label"),
    )
