"""Events as they happen: one request's batch through the cleaning and the landing of uploads.

Knows nothing about HTTP. Another way in (a tracking protocol) makes plain events and calls this.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

import polars as pl
from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.behaviour.cleaning import clean_events
from tenants.behaviour.event_context import PREFIX, check_keys
from tenants.behaviour.landed import Landed
from tenants.behaviour.landing import land_events
from tenants.behaviour.mapping import Plan, make_plan
from tenants.behaviour.models import EventBatch
from tenants.behaviour.outcomes import UNKNOWN, PassedOver, outcomes
from tenants.behaviour.report import BUCKETS, batch_report, bucket_of
from tenants.behaviour.schema import EVENTS as EVENT_COLUMNS
from tenants.behaviour.sifting import Cleaned
from tenants.behaviour.tables import Batch
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


@cache
def plan() -> Plan:
    """Every column under its own name, read as an upload without options is.

    Never made at import: it starts polars' threads, and a process that has them must not fork.
    """
    return make_plan(EVENT_COLUMNS.name, [column.name for column in EVENT_COLUMNS.columns])


def plan_with(keys: Sequence[str]) -> Plan:
    """The plan with these context keys read, too; raises UploadRefused too_much_context."""
    named = {f"{PREFIX}{key}": f"{PREFIX}{key}" for key in keys}
    if not named:
        return plan()
    check_keys(named, param="context")
    return make_plan(EVENT_COLUMNS.name, [*plan().columns, *named], mapping=named)


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


@transaction.atomic
def accept_events(
    *,
    events: Sequence[Mapping[str, Any]],
    actor: Actor,
    trusted: bool,
    passed_over: PassedOver = MappingProxyType({}),
) -> AcceptedEvents:
    """Store what may be stored now, in the transaction of the caller, and record the counts.

    `events` are mappings by the column names of `schema.EVENTS`: texts, floats, and
    for occurred_at a datetime with zone, and `context`, a mapping of texts; a time left out is now.
    An event at fault ends with the code it would have in an upload, and the others count. What a
    sender who is not `trusted` tells of items and as context is not believed. `passed_over`: what
    the request told beside them that can be no event, for its record. TooMany when the month's are
    used up; UploadRefused on context keys that an upload's mapping could not name.
    """
    check_month(EVENTS)
    batch_id, moment = uuid7(), now()
    told = [event.get("context", {}) for event in events] if trusted else []
    keys = sorted({key for context in told for key in context})
    cleaned = clean_events(_batch(events, moment, keys), plan_with(keys), now=moment)
    landed = land_events(cleaned.rows, batch_id, trusted=trusted)
    report = batch_report(cleaned, withheld=landed.withheld)
    batch = EventBatch.objects.create(
        id=batch_id,
        actor_ref=actor.ref,
        received_at=moment,
        received=report.received,
        accepted=report.accepted,
        acts_sha256=_kept(cleaned, landed),
        outcomes=outcomes(report, _unknown_types(cleaned, events), passed_over),
        **{bucket: report.count(bucket) for bucket in BUCKETS},
    )
    count(EVENTS, report.accepted)
    count(HELD, report.count("quarantined"))
    return AcceptedEvents(batch, _ended(cleaned, landed))


def _batch(events: Sequence[Mapping[str, Any]], moment: datetime, keys: Sequence[str]) -> Batch:
    """The events as rows of a file, numbered from 1."""
    timed = [{"occurred_at": moment, **event} for event in events]
    return Batch(
        rows=pl.int_range(1, len(timed) + 1, dtype=pl.Int64, eager=True),
        faults=pl.Series([None] * len(timed), dtype=pl.String),
        frame=pl.DataFrame(
            [
                pl.Series(
                    column.name,
                    [event.get(column.name) for event in timed],
                    dtype=TYPES.get(column.type, pl.String),
                )
                for column in EVENT_COLUMNS.columns
            ]
            + [
                pl.Series(
                    f"{PREFIX}{key}",
                    [event.get("context", {}).get(key) for event in timed],
                    dtype=pl.String,
                )
                for key in keys
            ]
        ),
    )


def _kept(cleaned: Cleaned, landed: Landed) -> bytes:
    """What the record commits to: the acts that are stored or held since this request."""
    left = {
        row
        for (bucket, _), rows in landed.withheld.items()
        if bucket != "quarantined"
        for row in rows
    }
    acts = zip(cleaned.rows["row"], landed.acts, strict=True)
    return hashlib.sha256(
        b"".join(bytes.fromhex(act) for row, act in acts if row not in left)
    ).digest()


def _unknown_types(cleaned: Cleaned, events: Sequence[Mapping[str, Any]]) -> list[str | None]:
    rows = cleaned.marks.filter(pl.col("code") == UNKNOWN)["row"]
    return [events[row - 1].get("type") for row in rows]


def _ended(cleaned: Cleaned, landed: Landed) -> tuple[EndedEvent, ...]:
    marked = [EndedEvent(row - 1, bucket_of(code), code) for row, code in cleaned.marks.iter_rows()]
    withheld = [
        EndedEvent(row - 1, bucket, code)
        for (bucket, code), rows in landed.withheld.items()
        for row in rows
    ]
    return tuple(sorted((*marked, *withheld), key=lambda one: one.index))
