"""Approving a version in spite of a failed gate: one person asks with a reason, another agrees."""

from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from tenants.access.rights import RIGHTS_OF, Right
from tenants.accounts.models import Member, Tenant
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError, Conflict, Denied, NotFound
from tenants.ids import parse_id
from tenants.isolation.scope import current_tenant
from training.jobs.gates import failed_gates
from training.jobs.models import Version, VersionOverride
from training.jobs.services import locked_version, mark_approved
from training.jobs.taints import check_publishable


@transaction.atomic
def request_override(*, version_id: UUID, actor: Actor, reason: str) -> VersionOverride:
    """Ask that a version with a failed gate be approved; a later request replaces this one.

    AppError reason_missing; Conflict already_approved, nothing_failed; Denied for anything but a
    member: a key is no person.
    """
    if not reason.strip():
        raise AppError("reason_missing", "Say why, for the record.", param="reason")
    version = _refused_version(version_id, actor)
    request, _ = VersionOverride.objects.update_or_create(
        version=version, defaults={"reason": reason.strip(), "asked_by": actor.ref}
    )
    record(
        AuditEvent.OVERRIDE_REQUESTED,
        actor=actor,
        object_id=version.public_id,
        object_version=str(version.number),
        details={"failed": failed_gates(version), "reason": request.reason},
    )
    return request


@transaction.atomic
def confirm_override(*, version_id: UUID, actor: Actor) -> Version:
    """Agree with the request of another member; the version counts as approved from now on.

    NotFound when nobody asked; Conflict own_override, asker_gone, already_approved.
    """
    version = _refused_version(version_id, actor)
    request = VersionOverride.objects.select_for_update().filter(version=version).first()
    if request is None:
        raise NotFound("override")
    if request.asked_by == actor.ref:
        raise Conflict("own_override", "Another member must confirm what you asked for.")
    if not _may_still(request.asked_by):
        raise Conflict("asker_gone", "Who asked for this may no longer. Ask for it anew.")
    request.confirmed_by, request.confirmed_at = actor.ref, now()
    request.save(update_fields=["confirmed_by", "confirmed_at"])
    mark_approved(version, actor)
    record(
        AuditEvent.OVERRIDE_CONFIRMED,
        actor=actor,
        object_id=version.public_id,
        object_version=str(version.number),
        details={
            "failed": failed_gates(version),
            "reason": request.reason,
            "asked_by": request.asked_by,
        },
    )
    return version


def _may_still(ref: str) -> bool:
    """Whether the member is one still, in a role that decides about models.

    The members of a test tenant stand in its live one, out of sight from here.
    """
    if Tenant.objects.filter(pk=current_tenant(), live_id__isnull=False).exists():
        return True
    member = Member.objects.filter(pk=parse_id("member", ref)).first()
    return member is not None and Right.MANAGE_MODELS in RIGHTS_OF[member.role]


def _refused_version(version_id: UUID, actor: Actor) -> Version:
    """The locked version, which waits for approval and has a failed gate."""
    if actor.type != "member":
        raise Denied("person_needed", "This needs a person who is a member.")
    version = locked_version(version_id)
    check_publishable(version)
    if version.state == Version.APPROVED:
        raise Conflict("already_approved", "This version is approved already.")
    if not failed_gates(version):
        raise Conflict("nothing_failed", "No check failed. Approve the version as it is.")
    return version
