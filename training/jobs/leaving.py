"""Acts that end a consent to training, and what they mean for what was trained already.

The ledger tells of them (CONSENT_STOPS), in the transaction that records them.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tenants.audit.actor import system
from tenants.consent.models import ConsentRecord, ConsentState
from tenants.consent.queries import in_force, state_at
from tenants.consent.vocabulary import ConsentEvent
from training.jobs.erasing import abort_jobs, lock
from training.jobs.freezing import PURPOSE
from training.jobs.models import SnapshotSubject
from training.jobs.tainting import taint
from training.jobs.taints import BACKDATED, INVALIDATED, RANK, WITHDRAWAL, Taint

ACTOR = system("tainting")


def on_stops(records: Sequence[ConsentRecord]) -> None:
    """What the ledger tells of, in its transaction: acts that end a consent.

    Invalidated stops versions at once; a withdrawal from before the data were frozen ends what
    runs on them; any other lets versions be replaced in time.
    """
    stops = [one for one in records if one.purpose == PURPOSE.value]
    subjects = {one.subject_id for one in stops}
    members = SnapshotSubject.objects.filter(subject_id__in=subjects)
    if not members.exists():
        return
    jobs = lock(*subjects)
    still = ConsentState.objects.filter(in_force(), purpose=PURPOSE.value, subject_id__in=subjects)
    allowed = set(still.values_list("subject_id", flat=True))
    causes: dict[UUID, Taint] = {}
    rows = list(members.values_list("subject_id", "snapshot_id", "snapshot__created_at"))
    for stop in stops:
        for subject_id, snapshot_id, made_at in rows:
            if subject_id == stop.subject_id:
                cause = _cause(stop, made_at, allowed=subject_id in allowed)
                if cause:
                    causes[snapshot_id] = _stronger(causes.get(snapshot_id), cause)
    taint(causes, ACTOR)
    gone = {snapshot_id for snapshot_id, cause in causes.items() if cause.aborts}
    abort_jobs([job for job in jobs if job.snapshot_id in gone], "consent_stopped", ACTOR)


def _cause(stop: ConsentRecord, made_at: datetime, *, allowed: bool) -> Taint | None:
    """What an act means for data frozen at `made_at`, all that is known now taken together."""
    if stop.event_time <= made_at or stop.event == ConsentEvent.INVALIDATED:
        then = state_at(stop.subject_id, PURPOSE, made_at)
        if not then.allows(made_at):
            return INVALIDATED if then.state == ConsentEvent.INVALIDATED else BACKDATED
    return None if allowed else WITHDRAWAL


def _stronger(one: Taint | None, other: Taint) -> Taint:
    return one if one and RANK[one.code] > RANK[other.code] else other
