"""Events as they happen: what requests tell, through the cleaning and the landing of uploads.

Knows nothing about HTTP. Another way in (a tracking protocol) makes plain events and calls this.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import polars as pl
from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.behaviour.cleaning.event_cleaning import clean_events
from tenants.behaviour.cleaning.sifting import FIRST_ROWS, Cleaned
from tenants.behaviour.columns.event_context import PREFIX, check_keys
from tenants.behaviour.columns.mapping import Plan, make_plan
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.columns.schema import EVENTS as EVENT_COLUMNS
from tenants.behaviour.landing.event_landing import land_events
from tenants.behaviour.landing.landed import Landed
from tenants.behaviour.models import EventBatch
from tenants.behaviour.processing.report import BUCKETS, Outcome, Report, bucket_of
from tenants.behaviour.reading.tables import Batch
from tenants.behaviour.streaming.outcomes import UNKNOWN, PassedOver, outcomes
from tenants.behaviour.types.event_types import event_types
from tenants.ids import uuid7
from tenants.metering.meters import EVENTS, HELD
from tenants.metering.queries import check_month
from tenants.metering.record import count

# Events that one request of `/v1/events` may hold.
MOST = 500
TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "number": pl.Float64,
    "time": pl.Datetime("us", "UTC"),
}
COLUMNS = {column.name: column.type for column in EVENT_COLUMNS.columns}
SINCE, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
# Row -> how it ended, (bucket, code), where it was not accepted.
Ended = Mapping[int, tuple[str, str]]


@cache
def _options() -> UploadOptions:
    """How fast a person acts cannot be told from one request: a client sends what it gathered.

    Never made at import: it starts polars' threads, and a process that has them must not fork.
    """
    return UploadOptions(acts_per_minute=0)


@cache
def plan() -> Plan:
    """Every column under its own name, read as an upload without options is, at any rate."""
    columns = [column.name for column in EVENT_COLUMNS.columns]
    return make_plan(EVENT_COLUMNS.name, columns, options=_options())


def plan_with(keys: Sequence[str]) -> Plan:
    """The plan with these context keys read, too; raises UploadRefused too_much_context."""
    named = {f"{PREFIX}{key}": f"{PREFIX}{key}" for key in keys}
    if not named:
        return plan()
    check_keys(named, param="context")
    columns = [*plan().columns, *named]
    return make_plan(EVENT_COLUMNS.name, columns, mapping=named, options=_options())


def _plan_of_tenant(keys: Sequence[str]) -> Plan:
    """The same with the event types of the tenant in scope."""
    return replace(plan_with(keys), types=event_types())


@dataclass(frozen=True)
class Told:
    """What one request tells: `events` are mappings by the column names of `schema.EVENTS`: texts,
    floats, and for occurred_at a datetime with zone, and `context`, a mapping of texts; a time left
    out is now. `passed_over` is what it tells beside them that can be no event, for its record;
    `id` and `received_at` are the record's own, of a request that was taken before.
    """

    events: Sequence[Mapping[str, Any]]
    actor: Actor
    passed_over: PassedOver = field(default_factory=dict)
    id: UUID = field(default_factory=uuid7)
    received_at: datetime | None = None


@dataclass(frozen=True)
class EndedEvent:
    """An event that was not accepted: its place in the request, from 0, and why."""

    index: int
    outcome: str
    code: str


@dataclass(frozen=True)
class AcceptedEvents:
    """The record of a request, and every event that was not accepted, in order."""

    batch: EventBatch
    ended: tuple[EndedEvent, ...]


def accept_events(
    *, events: Sequence[Mapping[str, Any]], actor: Actor, trusted: bool
) -> AcceptedEvents:
    """`accept_together` of one request."""
    return accept_together([Told(events, actor)], trusted=trusted)[0]


@transaction.atomic
def accept_together(requests: Sequence[Told], *, trusted: bool) -> list[AcceptedEvents]:
    """Store what may be stored now, in the transaction of the caller, and record the counts of each
    request; one answer for each.

    An event at fault ends with the code it would have in an upload, and the others count. What a
    sender who is not `trusted` tells of items and as context is not believed. `passed_over`: what
    the request told beside them that can be no event, for its record. TooMany when the month's are
    used up; UploadRefused on context keys that an upload's mapping could not name.
    """
    check_month(EVENTS)
    return land_together(requests, trusted=trusted)


@transaction.atomic
def land_together(requests: Sequence[Told], *, trusted: bool) -> list[AcceptedEvents]:
    """The same of requests that were acknowledged before, whatever is left of the month."""
    moment, ids = now(), [request.id for request in requests]
    events = [event for request in requests for event in request.events]
    told = [event.get("context", {}) for event in events] if trusted else []
    keys = sorted({key for context in told for key in context})
    cleaned = clean_events(_batch(events, moment, keys), _plan_of_tenant(keys), now=moment)
    rows = cleaned.rows if len(ids) == 1 else _with_uploads(cleaned.rows, requests, ids)
    landed = land_events(rows, ids[0], trusted=trusted)
    ended, acts = _ended(cleaned, landed), _kept(cleaned, landed)
    answers = []
    for request, batch_id, places in zip(requests, ids, _places(requests), strict=True):
        own = {row: ended[row] for row in places if row in ended}
        report = _report(len(places), own)
        batch = EventBatch(
            id=batch_id,
            actor_ref=request.actor.ref,
            received_at=request.received_at or moment,
            received=report.received,
            accepted=report.accepted,
            acts_sha256=hashlib.sha256(
                b"".join(acts[row] for row in places if row in acts)
            ).digest(),
            outcomes=outcomes(report, _unknown_types(own, places, request), request.passed_over),
            **{bucket: report.count(bucket) for bucket in BUCKETS},
        )
        listed = (EndedEvent(row - places.start, *how) for row, how in own.items())
        answers.append(AcceptedEvents(batch, tuple(listed)))
    EventBatch.objects.bulk_create(answer.batch for answer in answers)
    count(EVENTS, sum(answer.batch.accepted for answer in answers))
    count(HELD, sum(answer.batch.quarantined for answer in answers))
    return answers


def _places(requests: Sequence[Told]) -> Iterator[range]:
    """The numbers of each request's rows among those of all, from 1."""
    first = 1
    for request in requests:
        yield range(first, first + len(request.events))
        first += len(request.events)


def _with_uploads(
    rows: pl.DataFrame, requests: Sequence[Told], ids: Sequence[UUID]
) -> pl.DataFrame:
    """The rows with the request that each came with."""
    came = [one.hex for one, request in zip(ids, requests, strict=True) for _ in request.events]
    return rows.with_columns(pl.Series("upload", came, dtype=pl.String).gather(rows["row"] - 1))


def _batch(events: Sequence[Mapping[str, Any]], moment: datetime, keys: Sequence[str]) -> Batch:
    """The events as rows of a file, numbered from 1."""
    columns = {}
    for name, kind in COLUMNS.items():
        otherwise = moment if name == "occurred_at" else None
        columns[name] = _column([event.get(name, otherwise) for event in events], kind)
    for key in keys:
        columns[f"{PREFIX}{key}"] = _column([event.get("context", {}).get(key) for event in events])
    rows = pl.int_range(1, len(events) + 1, dtype=pl.Int64, eager=True)
    return Batch(rows=rows, faults=_column([None] * len(events)), frame=pl.DataFrame(columns))


def _column(values: list[Any], kind: str = "") -> pl.Series:
    """One column of what was told; most are not told at all."""
    dtype = TYPES.get(kind, pl.String)
    if values.count(None) == len(values):
        return pl.Series([None], dtype=dtype).new_from_index(0, len(values))
    if kind == "time":  # polars would ask every one of them for its zone
        values = [None if value is None else (value - SINCE) // MICROSECOND for value in values]
        return pl.Series(values, dtype=pl.Int64).cast(dtype)
    return pl.Series(values, dtype=dtype)


def _ended(cleaned: Cleaned, landed: Landed) -> Ended:
    """In the order of the rows."""
    marked = [(row, (bucket_of(code), code)) for row, code in cleaned.marks.iter_rows()]
    withheld = [(row, outcome) for outcome, rows in landed.withheld.items() for row in rows]
    return dict(sorted((*marked, *withheld)))


def _kept(cleaned: Cleaned, landed: Landed) -> dict[int, bytes]:
    """What the records commit to: the acts that are stored or held since now, by row."""
    left = {
        row
        for (bucket, _), rows in landed.withheld.items()
        if bucket != "quarantined"
        for row in rows
    }
    acts = zip(cleaned.rows["row"], landed.acts, strict=True)
    return {row: bytes.fromhex(act) for row, act in acts if row not in left}


def _unknown_types(ended: Ended, places: range, request: Told) -> list[str | None]:
    rows = (row for row, (_, code) in ended.items() if code == UNKNOWN)
    return [request.events[row - places.start].get("type") for row in rows]


def _first(ended: Ended, how: tuple[str, str]) -> tuple[int, ...]:
    return tuple(row for row, each in ended.items() if each == how)[:FIRST_ROWS]


def _report(received: int, ended: Ended) -> Report:
    """Of one request; ReportDoesNotAddUp."""
    counts = Counter(ended.values())
    return Report(
        received=received,
        accepted=received - len(ended),
        outcomes=tuple(Outcome(*how, number, _first(ended, how)) for how, number in counts.items()),
    )
