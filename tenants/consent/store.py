"""The subject store of the consent ledger."""

from typing import ClassVar

from tenants.consent.models import ConsentFlag, ConsentRecord, ConsentSignal, ConsentState
from tenants.subjects.store import Rows


def recipients(subject_id: int) -> Rows:
    """To whom the person's consent records let data go, where these lie, and on what ground."""
    columns = ("recipients", "storage_country", "transfer_mechanism", "retention_until")
    named = ConsentRecord.objects.filter(subject_id=subject_id)
    yield from named.order_by(*columns).values(*columns).distinct()


class ConsentRows:
    """Records are kept as proof (GDPR 17(3)(e)) and become unlinkable with the subject's key.

    Flags and foreign signals go with the states: somebody's words may stand in a reason.
    """

    tables = (ConsentRecord, ConsentState, ConsentFlag, ConsentSignal)
    kept: ClassVar = {
        "consent_record": "as proof until the end that it names, or while the tenant exists, "
        "unlinkable after an erasure",
        "consent_state": "until the person is erased",
        "consent_flag": "until the person is erased",
        "consent_signal": "until the person is erased",
    }

    def count(self, subject_id: int) -> dict[str, int]:
        return {
            "consent_record": ConsentRecord.objects.filter(subject_id=subject_id).count(),
            "consent_state": ConsentState.objects.filter(subject_id=subject_id).count(),
            "consent_flag": ConsentFlag.objects.filter(subject_id=subject_id).count(),
            "consent_signal": ConsentSignal.objects.filter(subject_id=subject_id).count(),
        }

    def export(self, subject_id: int) -> dict[str, Rows]:
        records = ConsentRecord.objects.filter(subject_id=subject_id).order_by("event_time", "id")
        states = ConsentState.objects.filter(subject_id=subject_id).order_by("purpose")
        flags = ConsentFlag.objects.filter(subject_id=subject_id).order_by("id")
        signals = ConsentSignal.objects.filter(subject_id=subject_id).order_by("id")
        return {
            "consent_record": (record.content() for record in records.iterator()),
            "consent_state": states.values("purpose", "state", "code", "valid_from", "repeated_at"),
            "consent_flag": flags.values("kind", "raised", "purposes", "reason", "recorded_at"),
            "consent_signal": signals.values("kind", "value", "event_time", "recorded_at"),
        }

    def erase(self, subject_id: int) -> dict[str, int]:
        states, _ = ConsentState.objects.filter(subject_id=subject_id).delete()
        flags, _ = ConsentFlag.objects.filter(subject_id=subject_id).delete()
        signals, _ = ConsentSignal.objects.filter(subject_id=subject_id).delete()
        return {"consent_state": states, "consent_flag": flags, "consent_signal": signals}
