"""What an erasure reaches on this floor: exports, waiting uploads, answers kept for a day."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils.timezone import now

from tenants.access.models import IdempotentAnswer
from tenants.audit.actor import Actor, system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.models import RejectedRows, Upload, WaitingRequest
from tenants.behaviour.streaming.inbox import give_up
from tenants.departure import files
from tenants.departure.models import SealedExport, TenantExport
from tenants.erasure.reach import Reach
from tenants.evidence.models import EvidenceExport
from tenants.isolation.scope import tenant_scope
from tenants.subjects.models import Subject
from tenants.tracking.landing import land

ACTOR = system("erasure")
# Kinds of exports that hold whoever there was, and what the log says of their end.
DESTROYED: dict[type[SealedExport], AuditEvent] = {
    TenantExport: AuditEvent.EXPORT_DESTROYED,
    EvidenceExport: AuditEvent.EVIDENCE_DESTROYED,
}


def moment_of(subject_id: int) -> datetime:
    """When the person was erased; now, before that."""
    erased_at = Subject.objects.values_list("erased_at", flat=True).get(pk=subject_id)
    return erased_at or now()


class Exports(Reach):
    """Exports that were begun before and hold the person, some of them with their id in the clear.

    One that is being made ends without a file; a new one can be made at once.
    """

    name = "exports"

    def held(self, subject_id: int) -> int:
        return sum(_begun_before(model, subject_id).count() for model in DESTROYED)

    def mark(self, subject_id: int, actor: Actor) -> None:
        for model in DESTROYED:
            begun = _begun_before(model, subject_id).filter(state__in=SealedExport.OPEN)
            begun.update(state=SealedExport.FAILED, error="erased", finished_at=now())

    def sweep(self, tenant_id: UUID, subject_id: int) -> None:
        with tenant_scope(tenant_id):
            for model, event in DESTROYED.items():
                for export in _begun_before(model, subject_id).select_for_update():
                    files.destroy(tenant_id, export.pk)
                    export.state = SealedExport.EXPIRED
                    export.save(update_fields=["state"])
                    record(event, actor=ACTOR, object_id=export.public_id, reason="erased")
                for export in model._default_manager.filter(
                    state=SealedExport.FAILED, error="erased"
                ):
                    # Told to end by `mark`; its worker may have been killed before it could obey.
                    files.destroy(tenant_id, export.pk)


def _begun_before(model: type[SealedExport], subject_id: int) -> "QuerySet[SealedExport]":
    return model._default_manager.filter(
        state__in=(*SealedExport.OPEN, SealedExport.DONE), created_at__lte=moment_of(subject_id)
    )


class WaitingUploads(Reach):
    """Files that came before and are not read yet; nobody knows whom they name. Each goes once it
    is read, and then its rows of the person are refused (`tenants.subjects.suppression`)."""

    name = "waiting_uploads"

    def held(self, subject_id: int) -> int:
        waiting = Upload.objects.filter(state__in=Upload.OPEN)
        return waiting.filter(created_at__lte=moment_of(subject_id)).count()


class WaitingRequests(Reach):
    """Tracking requests that came before and are not landed yet; they are sealed, so whom they name
    nobody can see. Landed here and now, they leave nothing of the person, who is refused; what is
    held up goes."""

    name = "waiting_requests"

    def held(self, subject_id: int) -> int:
        return WaitingRequest.objects.filter(received_at__lte=moment_of(subject_id)).count()

    def sweep(self, tenant_id: UUID, subject_id: int) -> None:
        while land(tenant_id):
            continue
        with tenant_scope(tenant_id):
            give_up(received_by=moment_of(subject_id), held_up=True)


class RejectedUploadRows(Reach):
    """Rejected rows of uploads, kept for a week to be repaired. They are sealed, so whom they name
    nobody can see: all of them go. Later ones hold nobody who was erased."""

    name = "rejected_rows"

    def held(self, subject_id: int) -> int:
        return RejectedRows.objects.filter(created_at__lte=moment_of(subject_id)).count()

    def mark(self, subject_id: int, actor: Actor) -> None:
        # Whoever keeps rows waits for this erasure or is waited for: no clock needs to be asked.
        RejectedRows.objects.all().delete()


class KeptAnswers(Reach):
    """Answers to writes, kept for a day to be given again. They are sealed, so whose they are
    nobody can see: all of them are forgotten, and a write that comes again is told so."""

    name = "kept_answers"

    def held(self, subject_id: int) -> int:
        return self._before(subject_id).count()

    def mark(self, subject_id: int, actor: Actor) -> None:
        self._before(subject_id).update(sealed=None)

    def _before(self, subject_id: int) -> "QuerySet[IdempotentAnswer]":
        kept = IdempotentAnswer.objects.exclude(sealed=None)
        return kept.filter(created_at__lte=moment_of(subject_id))
