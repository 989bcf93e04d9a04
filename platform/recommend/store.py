"""The subject store of the decision log."""

from typing import ClassVar

from recommend.models import Decision
from tenants.subjects.store import Rows


class DecisionRows:
    """What was answered to a subject. Erasing removes the rows; their sealed leaves remain."""

    tables = (Decision,)
    kept: ClassVar = {"decision": "until the person is erased"}

    def count(self, subject_id: int) -> dict[str, int]:
        return {"decision": Decision.objects.filter(subject_id=subject_id).count()}

    def export(self, subject_id: int) -> dict[str, Rows]:
        rows = Decision.objects.filter(subject_id=subject_id).order_by("id")
        return {"decision": (row.content() for row in rows.iterator())}

    def erase(self, subject_id: int) -> dict[str, int]:
        count, _ = Decision.objects.filter(subject_id=subject_id).delete()
        return {"decision": count}
