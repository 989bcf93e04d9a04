"""How a request moves: the one lock, the one check of its state, its history and its end."""

from typing import Any
from uuid import UUID

from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import Conflict, NotFound
from tenants.rights import kinds
from tenants.rights.models import RequestStep, RightsRequest
from tenants.subjects.directory import audit_ref


def locked(request_id: UUID) -> RightsRequest:
    """The request, locked until the transaction ends. NotFound."""
    request = RightsRequest.objects.select_for_update().filter(pk=request_id).first()
    if request is None:
        raise NotFound("rights request")
    return request


def check(request: RightsRequest, state: str) -> None:
    """Conflict as `check_free`, or identity_missing when `state` may not follow now."""
    check_free(request)
    if state not in kinds.NEXT[request.state]:
        raise Conflict("identity_missing", "Verify first who asks, then carry it out.")


def check_free(request: RightsRequest) -> None:
    """Conflict request_ended; erasure_begun, from when on nothing is written about the person."""
    if not request.is_open:
        raise Conflict("request_ended", "This request has ended. Open a new one.")
    if request.erasure_id:
        raise Conflict("erasure_begun", "The erasure has begun and cannot be taken back.")


def note(request: RightsRequest, step: str, actor: Actor, **params: Any) -> None:
    """Add a line to the request's own history."""
    RequestStep.objects.create(
        request=request, at=now(), code=step, params=params, actor_ref=actor.ref
    )


def close(request: RightsRequest, state: str, actor: Actor) -> None:
    """End the request as done or refused. Writes its audit entry: call it last."""
    request.state, request.closed_at = state, now()
    request.save()
    note(request, state, actor)
    event = AuditEvent.REQUEST_DONE if state == kinds.DONE else AuditEvent.REQUEST_REFUSED
    told = {"kind": request.kind}
    record(
        event,
        actor=actor,
        object_id=request.public_id,
        subject_ref=audit_ref(request.subject_id),
        reason=request.refusal_code,
        details=told,
    )
