"""The subject store of the consent ledger."""

from tenants.consent.models import ConsentRecord, ConsentState
from tenants.subjects.store import Rows


class ConsentRows:
    """Records are kept as proof (GDPR 17(3)(e)) and become unlinkable with the subject's key."""

    tables = (ConsentRecord, ConsentState)

    def count(self, subject_id: int) -> dict[str, int]:
        return {
            "consent_record": ConsentRecord.objects.filter(subject_id=subject_id).count(),
            "consent_state": ConsentState.objects.filter(subject_id=subject_id).count(),
        }

    def export(self, subject_id: int) -> dict[str, Rows]:
        records = ConsentRecord.objects.filter(subject_id=subject_id).order_by("event_time", "id")
        states = ConsentState.objects.filter(subject_id=subject_id).order_by("purpose")
        return {
            "consent_record": [record.content() for record in records],
            "consent_state": list(states.values("purpose", "state", "code", "valid_from")),
        }

    def erase(self, subject_id: int) -> dict[str, int]:
        states, _ = ConsentState.objects.filter(subject_id=subject_id).delete()
        return {"consent_state": states}
