"""The subject store of snapshots: which frozen data sets hold a subject."""

from typing import ClassVar

from tenants.subjects.store import Rows
from training.jobs.models import SnapshotSubject


class SnapshotRows:
    """Lineage stays after an erasure: it is what says which versions must be replaced."""

    tables = (SnapshotSubject,)
    kept: ClassVar = {"snapshot_subject": "while the tenant exists, unlinkable after an erasure"}

    def count(self, subject_id: int) -> dict[str, int]:
        rows = SnapshotSubject.objects.filter(subject_id=subject_id)
        return {"snapshot_subject": rows.count()}

    def export(self, subject_id: int) -> dict[str, Rows]:
        rows = SnapshotSubject.objects.filter(subject_id=subject_id).order_by("id")
        return {
            "snapshot_subject": rows.values(
                "snapshot_id", "events", "consent_record_id", "snapshot__created_at"
            ).iterator()
        }

    def erase(self, subject_id: int) -> dict[str, int]:
        return {"snapshot_subject": 0}
