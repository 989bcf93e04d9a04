"""Versions: approve, publish, roll back, standing approval."""

from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError, Conflict, NotFound
from tenants.isolation.scope import current_tenant
from tenants.work.queue import enqueue
from training.jobs.artifacts import fault_of
from training.jobs.gates import failed_gates, unproved_gates
from training.jobs.models import Publication, StandingApproval, Version
from training.jobs.taints import check_publishable, check_untainted

UNREADABLE = {
    "artifact_damaged": "A file of this version is damaged or gone. Train it again.",
    "store_unreachable": "The files of this version cannot be reached now. Try again later.",
}


@transaction.atomic
def approve_version(
    *, version_id: UUID, actor: Actor, reason: str, standing: bool = False
) -> Version:
    """A named person (or the recorded standing approval) lets a version be published.

    Conflict: already_approved; gate_failed (two people may override it, see `overriding`);
    a row of `taints.REFUSALS`; not_enough_evidence, which a named person may accept with a reason
    and nobody else.
    """
    if not reason.strip():
        raise AppError("reason_missing", "Say why, for the record.", param="reason")
    version = locked_version(version_id)
    check_publishable(version)
    if version.state == Version.APPROVED:
        raise Conflict("already_approved", "This version is approved already.")
    faults = failed_gates(version)
    if faults:
        raise Conflict("gate_failed", f"The version did not pass: {', '.join(faults)}.")
    unproved = unproved_gates(version)
    if unproved and (standing or actor.type != "member"):
        raise Conflict(
            "not_enough_evidence",
            f"There is not enough evidence for: {', '.join(unproved)}. Let a person decide.",
        )
    mark_approved(version, actor)
    record(
        AuditEvent.VERSION_APPROVED,
        actor=actor,
        object_id=version.public_id,
        object_version=str(version.number),
        details={"standing": standing, "reason": reason.strip(), "unproved": unproved},
    )
    return version


def mark_approved(version: Version, actor: Actor) -> None:
    """Note on a locked version who let it be published."""
    version.state = Version.APPROVED
    version.approved_by = actor.ref
    version.approved_at = now()
    version.save(update_fields=["state", "approved_by", "approved_at"])


@transaction.atomic
def publish_version(*, version_id: UUID, actor: Actor) -> Publication:
    """Let an approved version answer from the next request on: one row changes.

    Conflict not_approved, already_published, a row of `taints.REFUSALS`, one of UNREADABLE.
    """
    version = locked_version(version_id)
    if version.state != Version.APPROVED:
        raise Conflict("not_approved", "Approve this version before it is published.")
    check_publishable(version)
    _check_artifact(version)
    replaced = _swap(version, actor)
    if replaced and replaced.taint:  # its weights have done their duty
        enqueue("weights", tenant_id=current_tenant(), object_id=current_tenant())
    record(
        AuditEvent.VERSION_PUBLISHED,
        actor=actor,
        object_id=version.public_id,
        object_version=str(version.number),
        details={"replaces": replaced.public_id if replaced else ""},
    )
    return Publication.objects.get(task=version.task)


@transaction.atomic
def roll_back(*, actor: Actor, task: str = "recommendation") -> Publication:
    """Serve again what served before; Conflict when nothing did, or when it holds traces of people
    who have gone (`taints.REFUSALS`)."""
    current = Publication.objects.select_for_update().filter(task=task).first()
    if current is None or current.previous is None:
        raise Conflict("nothing_before", "There is no earlier version to go back to.")
    version = current.previous
    check_untainted(version)
    _check_artifact(version)
    replaced = _swap(version, actor)
    record(
        AuditEvent.VERSION_ROLLED_BACK,
        actor=actor,
        object_id=version.public_id,
        object_version=str(version.number),
        details={"replaces": replaced.public_id if replaced else ""},
    )
    return Publication.objects.get(task=task)


@transaction.atomic
def set_standing_approval(*, enabled: bool, reason: str, actor: Actor) -> StandingApproval:
    """Record whether versions that pass every gate may publish without a person."""
    if not reason.strip():
        raise AppError("reason_missing", "Say why, for the record.", param="reason")
    approval, _ = StandingApproval.objects.update_or_create(
        tenant_id=current_tenant(),
        defaults={"enabled": enabled, "reason": reason.strip(), "actor_ref": actor.ref},
    )
    record(
        AuditEvent.STANDING_APPROVAL_SET,
        actor=actor,
        details={"enabled": enabled, "reason": reason.strip()},
    )
    return approval


def locked_version(version_id: UUID) -> Version:
    """The version, held until the transaction ends; NotFound for another tenant's too."""
    version = Version.objects.select_for_update().filter(pk=version_id).first()
    if version is None:
        raise NotFound("version")
    return version


def _check_artifact(version: Version) -> None:
    fault = fault_of(version.tenant_id, bytes(version.manifest_sha256))
    if fault:
        raise Conflict(fault, UNREADABLE[fault])


def _swap(version: Version, actor: Actor) -> Version | None:
    """Point the task at `version`; the version that served until now."""
    current = Publication.objects.select_for_update().filter(task=version.task).first()
    replaced = current.version if current else None
    if replaced and replaced.pk == version.pk:
        raise Conflict("already_published", "This version serves already.")
    Publication.objects.update_or_create(
        tenant_id=current_tenant(),
        task=version.task,
        defaults={
            "version": version,
            "previous": replaced,
            "published_at": now(),
            "published_by": actor.ref,
        },
    )
    return replaced
