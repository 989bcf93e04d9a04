"""What the tenant does with an open request: check, change, record."""

from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError, Conflict
from tenants.rights import kinds
from tenants.rights.acting import act
from tenants.rights.days import today
from tenants.rights.exports import promise_export
from tenants.rights.laws import LAWS
from tenants.rights.models import RightsRequest
from tenants.rights.opening import Evidence, check_evidence, take_evidence
from tenants.rights.steps import check, check_free, close, locked, note
from tenants.subjects.directory import audit_ref


@transaction.atomic
def acknowledge(*, request_id: UUID, actor: Actor) -> RightsRequest:
    """Note that the person was told that the request has come; again changes nothing.

    NotFound; Conflict request_ended.
    """
    request = locked(request_id)
    if not request.is_open:
        raise Conflict("request_ended", "This request has ended. Open a new one.")
    if request.acknowledged_at is None:
        request.acknowledged_at = now()
        request.save(update_fields=["acknowledged_at"])
        note(request, "acknowledged", actor)
        record(AuditEvent.REQUEST_ACKNOWLEDGED, actor=actor, object_id=request.public_id)
    return request


@transaction.atomic
def verify_identity(
    *, request_id: UUID, actor: Actor, evidence: Evidence | None = None
) -> RightsRequest:
    """Note that the actor has checked who asks, by `evidence` or by what the request came with.
    An export that answers it is begun.

    NotFound; AppError unknown_proof, evidence_missing; Conflict request_ended,
    already_verified.
    """
    request = locked(request_id)
    if request.state == kinds.IN_PROGRESS:
        raise Conflict("already_verified", "Who asks is verified already. Carry it out.")
    check(request, kinds.IN_PROGRESS)
    check_evidence(evidence)
    if evidence:
        take_evidence(request, evidence)
    if not request.evidence_kind:
        raise AppError(
            "evidence_missing", "Say how the person showed who they are.", param="evidence"
        )
    request.state, request.verified_at = kinds.IN_PROGRESS, now()
    request.verified_by = actor.ref
    request.save()
    note(request, "verified", actor, evidence=request.evidence_kind)
    if kinds.KINDS[request.kind].exports:
        promise_export(request, actor)
    sha256 = bytes(request.evidence_sha256).hex() if request.evidence_sha256 else ""
    record(
        AuditEvent.REQUEST_VERIFIED,
        actor=actor,
        object_id=request.public_id,
        subject_ref=audit_ref(request.subject_id),
        details={"evidence": request.evidence_kind, "sha256": sha256},
    )
    return request


@transaction.atomic
def extend(*, request_id: UUID, code: str, answer: str, actor: Actor) -> RightsRequest:
    """Take the law's further time, with a reason that the person is told (`answer`).

    NotFound; AppError unknown_reason, answer_missing; Conflict request_ended, erasure_begun,
    no_extension, already_extended, extension_late (the person must be told within the first term).
    """
    request = locked(request_id)
    if code not in kinds.EXTENSIONS:
        known = ", ".join(kinds.EXTENSIONS)
        raise AppError("unknown_reason", f"code is one of {known}.", param="code")
    _check_extension(request)
    longer = LAWS[request.law].extension
    if longer is None:
        raise Conflict("no_extension", "The law of this request gives no further time.")
    request.answer = _said(answer)
    request.due_on = longer.after(request.due_on)
    request.extended_at, request.extension_code = now(), code
    request.save()
    due_on = request.due_on.isoformat()
    note(request, "extended", actor, code=code, due_on=due_on)
    record(
        AuditEvent.REQUEST_EXTENDED,
        actor=actor,
        object_id=request.public_id,
        reason=code,
        details={"due_on": due_on},
    )
    return request


def _check_extension(request: RightsRequest) -> None:
    check_free(request)
    if request.extended_at:
        raise Conflict("already_extended", "This request was extended already. Answer it.")
    if request.due_on < today():
        raise Conflict("extension_late", "The first term is over. Answer this request now.")


@transaction.atomic
def refuse(*, request_id: UUID, code: str, answer: str, actor: Actor) -> RightsRequest:
    """End a request without doing what it asks, with the reason that the person is told.

    NotFound; AppError unknown_reason, answer_missing; Conflict request_ended, erasure_begun.
    """
    request = locked(request_id)
    if code not in kinds.REFUSALS:
        known = ", ".join(kinds.REFUSALS)
        raise AppError("unknown_reason", f"code is one of {known}.", param="code")
    check(request, kinds.REFUSED)
    request.refusal_code, request.answer = code, _said(answer)
    close(request, kinds.REFUSED, actor)
    return request


@transaction.atomic
def complete(*, request_id: UUID, actor: Actor, answer: str = "") -> RightsRequest:
    """Carry the request out, and end it where that is all; `answer` is what the person is told.

    NotFound; AppError answer_missing; Conflict request_ended, erasure_begun, identity_missing,
    export_missing.
    """
    request = locked(request_id)
    check(request, kinds.DONE)
    if answer.strip():
        request.answer = answer.strip()
        request.save(update_fields=["answer"])
    if act(request, actor):
        close(request, kinds.DONE, actor)
    return request


def _said(answer: str) -> str:
    if not answer.strip():
        raise AppError("answer_missing", "Say why, in words for the person.", param="answer")
    return answer.strip()
