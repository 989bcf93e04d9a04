"""Taking a request in: whose it is, which law's days count, what is known of who asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.timezone import now

from tenants.accounts.models import Tenant
from tenants.audit.actor import Actor
from tenants.audit.canonical import timestamp
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.consent.vocabulary import Purpose
from tenants.errors import AppError, Conflict
from tenants.isolation.scope import current_tenant
from tenants.rights import kinds
from tenants.rights.acting import act
from tenants.rights.laws import LAWS, law_of
from tenants.rights.models import KEPT_FOR, RightsRequest
from tenants.rights.steps import close, note
from tenants.subjects.directory import audit_ref, resolve
from tenants.subjects.models import Subject

CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Evidence:
    """How a person showed who they are. No document: its SHA-256, and where the tenant keeps it."""

    kind: str
    sha256: bytes | None = None
    reference: str = ""


@transaction.atomic
def open_request(
    *,
    user_id: str,
    kind: str,
    actor: Actor,
    jurisdiction: str = "",
    received_at: datetime | None = None,
    purposes: Sequence[Purpose] = (),
    evidence: Evidence | None = None,
) -> RightsRequest:
    """Take in a request of the person whom the tenant calls `user_id`; `received_at`: when it
    reached the tenant, now by default. What needs no proof of identity and stops a use counts from
    the next answer on.

    AppError unknown_request_kind, unknown_proof, received_later, received_long_ago; Conflict
    request_open while another one of the kind is, already_erased when the person was erased this
    moment.
    """
    received = received_at or now()
    if kind not in kinds.KINDS:
        known = ", ".join(kinds.KINDS)
        raise AppError("unknown_request_kind", f"kind is one of {known}.", param="kind")
    _check_moment(received)
    check_evidence(evidence)
    subject_id = resolve([user_id])[user_id]
    _check_alone(subject_id, kind)
    request = _created(subject_id, kind, actor, jurisdiction, received, purposes, evidence)
    note(request, "opened", actor)
    record(
        AuditEvent.REQUEST_OPENED,
        actor=actor,
        object_id=request.public_id,
        subject_ref=audit_ref(subject_id),
        details={"kind": kind, "law": request.law, "due_on": request.due_on.isoformat(),
                 "received_at": timestamp(received), "purposes": request.purposes},
    )  # fmt: skip
    if kinds.KINDS[kind].at_once:
        act(request, actor)
        close(request, kinds.DONE, actor)
    return request


def _check_moment(received: datetime) -> None:
    if received > now() + CLOCK_SKEW:
        raise AppError("received_later", "received_at lies in the future.", param="received_at")
    if received < now() - KEPT_FOR:  # what ended then would be forgotten by now
        raise AppError(
            "received_long_ago",
            "received_at lies more than two years back. Send the day on which it reached you.",
            param="received_at",
        )


def _check_alone(subject_id: int, kind: str) -> None:
    """The person is locked before, so that of two that come at once one is refused."""
    if Subject.objects.select_for_update().get(pk=subject_id).erased_at is not None:
        raise Conflict("already_erased", "This person is erased already.")
    twin = RightsRequest.objects.filter(subject_id=subject_id, kind=kind, state__in=kinds.OPEN)
    if twin.exists():
        raise Conflict(
            "request_open",
            "A request of this kind is open for this person. Answer that one.",
            param="kind",
        )


def check_evidence(evidence: Evidence | None) -> None:
    """AppError unknown_proof."""
    if evidence and evidence.kind not in kinds.EVIDENCE:
        known = ", ".join(kinds.EVIDENCE)
        raise AppError("unknown_proof", f"kind is one of {known}.", param="evidence")


def take_evidence(request: RightsRequest, evidence: Evidence) -> None:
    """Keep what was shown on the request; the caller saves it."""
    request.evidence_kind, request.evidence_reference = evidence.kind, evidence.reference
    request.evidence_sha256 = evidence.sha256


def _created(
    subject_id: int,
    kind: str,
    actor: Actor,
    jurisdiction: str,
    received: datetime,
    purposes: Sequence[Purpose],
    evidence: Evidence | None,
) -> RightsRequest:
    tenant = Tenant.objects.get(id=current_tenant())
    place = jurisdiction or tenant.jurisdiction
    name = law_of(place)
    law = LAWS[name]
    day = received.astimezone(ZoneInfo(tenant.timezone)).date()
    request = RightsRequest(
        kind=kind,
        state=_first_state(kind, evidence),
        subject_id=subject_id,
        purposes=sorted(purpose.value for purpose in purposes),
        law=name,
        jurisdiction=place,
        jurisdiction_derivation="declared" if jurisdiction else "tenant_default",
        received_at=received,
        due_on=law.term(kind).after(day),
        acknowledge_by=law.acknowledge.after(day) if law.acknowledge else None,
        opened_by=actor.ref,
    )
    if evidence:
        take_evidence(request, evidence)
    request.save(force_insert=True)
    return request


def _first_state(kind: str, evidence: Evidence | None) -> str:
    if not kinds.KINDS[kind].identified:
        return kinds.IN_PROGRESS
    return kinds.RECEIVED if evidence else kinds.IDENTITY_NEEDED
