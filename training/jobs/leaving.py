"""Acts that end a consent to training, and what they mean for what was trained already.

The ledger tells of them (CONSENT_STOPS), in the transaction that records them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from tenants.audit.actor import system
from tenants.consent.fold import State
from tenants.consent.models import ConsentRecord
from tenants.consent.policy import purposes_of
from tenants.consent.queries import consenting, states_at
from tenants.consent.vocabulary import ConsentEvent, Use
from training.jobs.erasing import abort_jobs, lock
from training.jobs.models import SnapshotSubject
from training.jobs.tainting import taint
from training.jobs.taints import BACKDATED, INVALIDATED, RANK, WITHDRAWAL, Taint

ACTOR = system("tainting")


def on_stops(records: Sequence[ConsentRecord]) -> None:
    """What the ledger tells of, in its transaction: acts that end a consent to a purpose that the
    tenant's table asks of training.

    Invalidated stops versions at once; a withdrawal from before the data were frozen ends what
    runs on them; any other lets versions be replaced in time.
    """
    needed = purposes_of(Use.TRAINING)
    stops = [one for one in records if one.purpose in needed]
    subjects = {one.subject_id for one in stops}
    members = SnapshotSubject.objects.filter(subject_id__in=subjects)
    if not members.exists():
        return
    jobs = lock(*subjects)
    still = consenting(Use.TRAINING).filter(subject_id__in=subjects)
    causes = _causes(stops, _frozen(members), set(still.values_list("subject_id", flat=True)))
    taint(causes, ACTOR)
    gone = {snapshot_id for snapshot_id, cause in causes.items() if cause.aborts}
    abort_jobs([job for job in jobs if job.snapshot_id in gone], "consent_stopped", ACTOR)


def _frozen(members: "QuerySet[SnapshotSubject]") -> dict[int, list[tuple[UUID, datetime]]]:
    """By subject the snapshots that hold them, and when each was made."""
    found: dict[int, list[tuple[UUID, datetime]]] = {}
    rows = members.values_list("subject_id", "snapshot_id", "snapshot__created_at")
    for subject_id, snapshot_id, made_at in rows:
        found.setdefault(subject_id, []).append((snapshot_id, made_at))
    return found


def _causes(
    stops: Iterable[ConsentRecord],
    frozen: dict[int, list[tuple[UUID, datetime]]],
    allowed: set[int],
) -> dict[UUID, Taint]:
    """What the acts mean for each snapshot, the strongest of them; the ledger is asked once."""
    met = [(stop, *one) for stop in stops for one in frozen.get(stop.subject_id, ())]
    back = {
        (stop.subject_id, stop.purpose, made_at)
        for stop, _, made_at in met
        if stop.event_time <= made_at or stop.event == ConsentEvent.INVALIDATED
    }
    states = states_at(back)
    causes: dict[UUID, Taint] = {}
    for stop, snapshot_id, made_at in met:
        then = states.get((stop.subject_id, stop.purpose, made_at))
        cause = _cause(then, made_at, allowed=stop.subject_id in allowed)
        if cause:
            causes[snapshot_id] = _stronger(causes.get(snapshot_id), cause)
    return causes


def _cause(then: State | None, made_at: datetime, *, allowed: bool) -> Taint | None:
    """What an act means for data frozen at `made_at`; `then` is the state of that moment, all that
    is known now taken together, None where the act does not look back to it."""
    if then and not then.allows(made_at):
        return INVALIDATED if then.state == ConsentEvent.INVALIDATED else BACKDATED
    return None if allowed else WITHDRAWAL


def _stronger(one: Taint | None, other: Taint) -> Taint:
    return one if one and RANK[one.code] > RANK[other.code] else other
