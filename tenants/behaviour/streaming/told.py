"""What requests tell: their events as rows of one form, and many of those as one batch to clean.

A row is a plain tuple, and what holds for a whole request is asked once for it: whoever lands
requests makes a hundred thousand rows in a second or so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import polars as pl
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.behaviour.columns.event_context import PREFIX
from tenants.behaviour.columns.schema import EVENTS
from tenants.behaviour.reading.tables import Batch
from tenants.behaviour.streaming.outcomes import PassedOver
from tenants.ids import uuid7
from tenants.isolation.binary_copy import Array

SINCE, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
MOMENT = pl.Datetime("us", "UTC")
TYPES: dict[str, type[pl.DataType]] = {"number": pl.Float64, "time": pl.Int64}


class Row(NamedTuple):
    """One event, in the columns of `schema.EVENTS`, those that most tell before the others: texts,
    floats, and times in microseconds since 1970; None where nothing is told, and for `occurred_at`
    that it is when the request came. `context` holds texts.
    """

    user_id: str | None
    item_id: str | None
    type: str | None
    occurred_at: int | None = None
    event_id: str | None = None
    value: float | None = None
    quantity: float | None = None
    price: float | None = None
    order_id: str | None = None
    item_title: str | None = None
    item_category: str | None = None
    consent_record_id: str | None = None
    purposes: str | None = None
    withheld: str | None = None
    consent_time: int | None = None
    context: Mapping[str, str] | None = None


TIMES = [column.name for column in EVENTS.columns if column.type == "time"]


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of a time with a zone."""
    return (moment - SINCE) // MICROSECOND


def row_of(event: Mapping[str, Any]) -> Row:
    """The row of a mapping by its names, in which times are still datetimes with a zone."""
    times = {name: micros(event[name]) for name in TIMES if event.get(name) is not None}
    return Row(**{"user_id": None, "item_id": None, "type": None, **event, **times})


@dataclass(frozen=True)
class Told:
    """What one request tells. `passed_over` is what it tells beside the events that can be none,
    for its record; `id` and `received_at` are the record's own.
    """

    events: Sequence[Row]
    actor: Actor
    passed_over: PassedOver = field(default_factory=dict)
    id: UUID = field(default_factory=uuid7)
    received_at: datetime = field(default_factory=now)


def context_keys(requests: Sequence[Told]) -> list[str]:
    """Under which keys the events tell something beside them."""
    told = (event.context for request in requests for event in request.events)
    return sorted({key for context in told if context for key in context})


def gathered(requests: Sequence[Told], keys: Sequence[str]) -> tuple[Batch, pl.Series]:
    """The events of all as rows of one file, numbered from 1, and when the request of each came."""
    events = [event for request in requests for event in request.events]
    came = _of_each(requests, pl.Series([micros(request.received_at) for request in requests]))
    told = dict(zip(Row._fields, zip(*events, strict=True) if events else (), strict=False))
    columns = {
        column.name: _column(told.get(column.name, ()), TYPES.get(column.type, pl.String))
        for column in EVENTS.columns
    }
    columns["occurred_at"] = columns["occurred_at"].fill_null(came)
    for name in TIMES:
        columns[name] = columns[name].cast(MOMENT)
    for key in keys:
        columns[f"{PREFIX}{key}"] = _column([(one or {}).get(key) for one in told["context"]])
    rows = pl.int_range(1, len(events) + 1, dtype=pl.Int64, eager=True)
    faults = _column([None] * len(events))
    return Batch(rows, faults, pl.DataFrame(columns)), came.cast(MOMENT)


def with_uploads(rows: pl.DataFrame, requests: Sequence[Told]) -> pl.DataFrame:
    """The rows with the request that each came with."""
    came = _of_each(requests, pl.Series([request.id.hex for request in requests]))
    return rows.with_columns(upload=came.gather(rows["row"] - 1))


def places(requests: Sequence[Told]) -> Array:
    """The number of each request's first row, and of the one behind all."""
    return np.cumsum([1, *(len(request.events) for request in requests)])


def _of_each(requests: Sequence[Told], values: pl.Series) -> pl.Series:
    """A value of each request, for each of its events."""
    counts = [len(request.events) for request in requests]
    return values.gather(pl.Series(np.repeat(np.arange(len(requests)), counts)))


def _column(values: Sequence[Any], dtype: type[pl.DataType] = pl.String) -> pl.Series:
    """One column of what was told; most are not told at all."""
    if values.count(None) == len(values):
        return pl.Series([None], dtype=dtype).new_from_index(0, len(values))
    return pl.Series(values, dtype=dtype)
