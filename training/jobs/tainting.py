"""Who leaves taints what was learnt from them: snapshots, versions, and what descends from these.

A tainted version serves the others until its deadline; what follows is in `replacing`.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.timezone import now

from tenants.audit.actor import Actor, system
from tenants.audit.canonical import timestamp
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.consent.models import ConsentState
from tenants.consent.policy import purposes_of
from tenants.consent.vocabulary import ConsentEvent, Use
from tenants.isolation.scope import current_tenant
from tenants.work.queue import enqueue
from training.jobs.models import Snapshot, SnapshotSubject, Version
from training.jobs.rules import rule
from training.jobs.taints import ERASURE, INVALIDATED, RANK, TAINTS, WITHDRAWAL, Taint

ACTOR = system("tainting")
# States of a consent that somebody ended, as against one that ended by itself.
ENDED = (ConsentEvent.WITHDRAWN, ConsentEvent.REFUSED, ConsentEvent.OPTED_OUT)


def taint(causes: dict[UUID, Taint], actor: Actor) -> None:
    """Flag these snapshots, and taint what descends from them. Behind `erasing.lock`."""
    moment = now()
    for snapshot in Snapshot.objects.filter(pk__in=causes).order_by("id"):
        cause = causes[snapshot.pk]
        if RANK[cause.code] > RANK[snapshot.taint]:
            _flag(snapshot, cause, moment, actor)
        for version in descending([snapshot.pk]):
            taint_version(version, cause, actor)


def _flag(snapshot: Snapshot, cause: Taint, moment: datetime, actor: Actor) -> None:
    snapshot.taint, snapshot.tainted_at = cause.code, snapshot.tainted_at or moment
    if cause.aborts:
        snapshot.destroyed_at = snapshot.destroyed_at or moment
    snapshot.save(update_fields=["taint", "tainted_at", "destroyed_at"])
    record(
        AuditEvent.SNAPSHOT_TAINTED,
        actor=actor,
        object_id=snapshot.public_id,
        details={"cause": cause.code},
    )


def taint_version(version: Version, cause: Taint, actor: Actor) -> None:
    """Give a version its deadline; nothing changes for one that has as strong a reason."""
    if version.is_gone or RANK[cause.code] <= RANK[version.taint]:
        return
    moment = now()
    due = moment if cause.stops else moment + timedelta(days=rule().replace_days)
    version.taint, version.tainted_at = cause.code, version.tainted_at or moment
    version.due_at = min(version.due_at or due, due)
    version.stopped_at = moment if cause.stops else version.stopped_at
    version.save(update_fields=["taint", "tainted_at", "due_at", "stopped_at"])
    enqueue("weights", tenant_id=current_tenant(), object_id=current_tenant())
    record(
        AuditEvent.VERSION_TAINTED,
        actor=actor,
        object_id=version.public_id,
        object_version=str(version.number),
        details={"cause": cause.code, "due_at": timestamp(version.due_at), "stops": cause.stops},
    )


def taint_at_birth(version: Version) -> None:
    """Inside the transaction that makes a version: what its data have come to meanwhile.

    The snapshot's row is locked, so that whoever taints it either finds the version or has told of
    it before.
    """
    snapshot = Snapshot.objects.select_for_update().get(pk=version.snapshot_id)
    members = SnapshotSubject.objects.filter(snapshot=snapshot)
    found = {snapshot.taint}
    if members.filter(subject__erased_at__isnull=False).exists():
        found.add(ERASURE.code)
    states = ConsentState.objects.filter(
        purpose__in=purposes_of(Use.TRAINING), subject_id__in=members.values("subject_id")
    )
    for code, ends in ((INVALIDATED.code, [INVALIDATED.code]), (WITHDRAWAL.code, ENDED)):
        if states.filter(state__in=ends).exists():
            found.add(code)
    strongest = max(found, key=lambda code: RANK[code])
    if strongest:
        taint_version(version, TAINTS[strongest], ACTOR)


def descending(snapshots: Iterable[UUID]) -> list[Version]:
    """The versions made of these snapshots, and those that followed from them, by number."""
    found: dict[UUID, Version] = {}
    latest = list(Version.objects.filter(snapshot_id__in=list(snapshots)).order_by("number"))
    while latest:
        found |= {version.pk: version for version in latest}
        children = Version.objects.filter(parent_id__in=[version.pk for version in latest])
        latest = [child for child in children if child.pk not in found]
    return sorted(found.values(), key=lambda version: version.number)
