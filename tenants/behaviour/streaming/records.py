"""The record of each streamed request: how its events ended, added up, and kept.

Many requests are landed together; here each gets its own part of what became of all.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tenants.behaviour.cleaning.sifting import FIRST_ROWS, Cleaned
from tenants.behaviour.landing.landed import Landed
from tenants.behaviour.models import EventBatch
from tenants.behaviour.processing.report import BUCKETS, Outcome, Report, bucket_of
from tenants.behaviour.streaming.outcomes import UNKNOWN, outcomes
from tenants.behaviour.streaming.told import Told, micros, places
from tenants.isolation.binary_arrays import (
    Digests,
    Ints,
    Moments,
    Texts,
    Uuids,
    array_cursor,
    packed,
)
from tenants.isolation.binary_copy import EPOCH, Array
from tenants.isolation.scope import current_tenant

COUNTS = ("received", "accepted", *BUCKETS)
KEEP = f"""
insert into behaviour_eventbatch (tenant_id, id, actor_ref, received_at, {", ".join(COUNTS)},
    acts_sha256, outcomes)
select %(tenant)s, n.id, n.actor_ref, n.received_at, {", ".join(f"n.{name}" for name in COUNTS)},
    n.acts_sha256, n.outcomes::jsonb
from unnest(%(id)s, %(actor_ref)s, %(received_at)s, {", ".join(f"%({name})s" for name in COUNTS)},
    %(acts_sha256)s, %(outcomes)s)
    as n (id, actor_ref, received_at, {", ".join(COUNTS)}, acts_sha256, outcomes)
"""  # nosec B608 # names of columns alone are put into the text
# Row -> how it ended, (bucket, code), where it was not accepted.
Ended = Mapping[int, tuple[str, str]]


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


def recorded(requests: Sequence[Told], cleaned: Cleaned, landed: Landed) -> list[AcceptedEvents]:
    """Keep a record of each request, whose rows are those of `gathered`; ReportDoesNotAddUp."""
    answers = list(_answers(requests, cleaned, landed))
    _keep([answer.batch for answer in answers])
    return answers


def _answers(
    requests: Sequence[Told], cleaned: Cleaned, landed: Landed
) -> Iterator[AcceptedEvents]:
    ended, firsts = _ended(cleaned, landed), places(requests)
    rows, acts = _kept(cleaned, landed)
    cuts = np.searchsorted(rows, firsts)
    for number, request in enumerate(requests):
        first, end = int(firsts[number]), int(firsts[number + 1])
        own = {row: ended[row] for row in range(first, end) if row in ended} if ended else {}
        report = _report(end - first, own)
        batch = EventBatch(
            id=request.id,
            actor_ref=request.actor.ref,
            received_at=request.received_at,
            received=report.received,
            accepted=report.accepted,
            acts_sha256=hashlib.sha256(acts[cuts[number] : cuts[number + 1]].tobytes()).digest(),
            outcomes=outcomes(report, _unknown_types(own, first, request), request.passed_over),
            **{bucket: report.count(bucket) for bucket in BUCKETS},
        )
        yield AcceptedEvents(
            batch, tuple(EndedEvent(row - first, *how) for row, how in own.items())
        )


def _keep(batches: Sequence[EventBatch]) -> None:
    values = {
        "tenant": current_tenant(),
        "id": Uuids(packed((one.id.bytes for one in batches), 16)),
        "actor_ref": Texts(one.actor_ref for one in batches),
        "received_at": Moments(np.array([micros(one.received_at) - EPOCH for one in batches])),
        **{name: Ints(np.array([getattr(one, name) for one in batches])) for name in COUNTS},
        "acts_sha256": Digests(packed((bytes(one.acts_sha256) for one in batches), 32)),
        "outcomes": Texts(json.dumps(one.outcomes) for one in batches),
    }
    with array_cursor() as cursor:
        cursor.execute(KEEP, values)


def _ended(cleaned: Cleaned, landed: Landed) -> Ended:
    """In the order of the rows."""
    marked = [(row, (bucket_of(code), code)) for row, code in cleaned.marks.iter_rows()]
    withheld = [(row, outcome) for outcome, rows in landed.withheld.items() for row in rows]
    return dict(sorted((*marked, *withheld)))


def _kept(cleaned: Cleaned, landed: Landed) -> tuple[Array, Array]:
    """What the records commit to: the rows whose acts are stored or held since now, and these."""
    rows = cleaned.rows["row"].to_numpy()
    acts = np.frombuffer(bytes.fromhex("".join(landed.acts)), "V16")
    left = [
        row
        for (bucket, _), ended in landed.withheld.items()
        if bucket != "quarantined"
        for row in ended
    ]
    kept = ~np.isin(rows, left)
    return rows[kept], acts[kept]


def _unknown_types(ended: Ended, first: int, request: Told) -> list[str | None]:
    rows = (row for row, (_, code) in ended.items() if code == UNKNOWN)
    return [request.events[row - first].type for row in rows]


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
