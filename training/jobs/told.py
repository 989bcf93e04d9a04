"""What a person is told about models: which were trained on their events, and which people decided
about these. Read for one export; names no member but by public id.
"""

from django.db.models import QuerySet

from tenants.subjects.store import Rows
from training.jobs.models import SnapshotSubject, Version


def versions_with(subject_id: int) -> Rows:
    """The model versions whose frozen data hold the person, oldest first."""
    for version in _versions(subject_id):
        yield {
            "version": version.public_id,
            "number": version.number,
            "state": version.state,
            "snapshot": version.snapshot.public_id,
            "made_at": version.created_at,
            "tainted_at": version.tainted_at,
            "to_be_replaced_by": version.due_at,
        }


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
