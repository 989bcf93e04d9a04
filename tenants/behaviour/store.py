"""The subject store of behaviour: events, and the rows that were held back."""

from typing import ClassVar

from django.db.models import Model

from tenants.behaviour.models import Event, QuarantinedRow
from tenants.behaviour.types.event_types import stored_types
from tenants.subjects.store import Rows


class BehaviourRows:
    """Everything a subject did. Held rows count here too: they are theirs."""

    tables: tuple[type[Model], ...] = (Event, QuarantinedRow)
    kept: ClassVar = {
        "event": "until the person is erased",
        "quarantined_row": "until a consent frees it, or the person is erased",
    }

    def count(self, subject_id: int) -> dict[str, int]:
        return {
            "event": Event.objects.filter(subject_id=subject_id).count(),
            "quarantined_row": QuarantinedRow.objects.filter(subject_id=subject_id).count(),
        }

    def export(self, subject_id: int) -> dict[str, Rows]:
        events = Event.objects.filter(subject_id=subject_id).order_by("occurred_at", "id")
        held = QuarantinedRow.objects.filter(subject_id=subject_id).order_by("id")
        types = stored_types().by_code
        return {
            "event": (
                {**row, "type": types[row["type"]].name}
                for row in events.values(
                    "occurred_at", "type", "item__external_id", "value", "quantity", "context"
                ).iterator()
            ),
            "quarantined_row": held.values("created_at", "code", "expires_at").iterator(),
        }

    def erase(self, subject_id: int) -> dict[str, int]:
        events, _ = Event.objects.filter(subject_id=subject_id).delete()
        held, _ = QuarantinedRow.objects.filter(subject_id=subject_id).delete()
        return {"event": events, "quarantined_row": held}
