"""What a person is told about models: which were trained on their events, and which people decided
about these. Read for one export; names no member but by public id.
"""

from django.db.models import Max, QuerySet

from tenants.rights.models import Correction
from tenants.subjects.store import Rows
from training.jobs.models import SnapshotSubject, Version


def versions_with(subject_id: int) -> Rows:
    """The model versions whose frozen data hold the person, oldest first; `holds_uncorrected`: they
    were frozen before something of the person was corrected.
    """
    acts = Correction.objects.filter(subject_id=subject_id).exclude(kind=Correction.RENAMED)
    corrected_at = acts.aggregate(at=Max("created_at"))["at"]
    for version in _versions(subject_id):
        yield {
            "version": version.public_id,
            "number": version.number,
            "state": version.state,
            "snapshot": version.snapshot.public_id,
            "made_at": version.created_at,
            "tainted_at": version.tainted_at,
            "to_be_replaced_by": version.due_at,
            "holds_uncorrected": version.snapshot.created_at < corrected_at
            if corrected_at
            else False,
        }


def snapshots_with(subject_id: int) -> int:
    """How many frozen data sets that still have their files hold the person."""
    return SnapshotSubject.objects.filter(
        subject_id=subject_id, snapshot__destroyed_at=None
    ).count()


def reviews_of(subject_id: int) -> Rows:
    """What people decided about these versions: approvals, and overrides of failed gates."""
    for version in _versions(subject_id):
        if version.approved_at:
            yield _review(version, "approved", version.approved_by, version.approved_at)
        for override in version.overrides.all():
            yield _review(version, "override_asked", override.asked_by, override.asked_at)
            if override.confirmed_at:
                by, at = override.confirmed_by, override.confirmed_at
                yield _review(version, "override_confirmed", by, at)


def _review(version: Version, decision: str, by: str, at: object) -> dict[str, object]:
    return {"version": version.public_id, "decision": decision, "by": by, "at": at}


def _versions(subject_id: int) -> "QuerySet[Version]":
    inside = SnapshotSubject.objects.filter(subject_id=subject_id).values("snapshot_id")
    found = Version.objects.filter(snapshot_id__in=inside).order_by("number")
    return found.select_related("snapshot").prefetch_related("overrides")
