"""Exports of one person's data: promised, fetched, destroyed. How one is made stands in
`exporting`; the files lie where the tenant's own exports do, sealed in the same way.
"""

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from tenants.audit.actor import Actor, system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.departure import files
from tenants.errors import Conflict
from tenants.isolation.scope import current_tenant, tenant_scope
from tenants.rights import kinds
from tenants.rights.models import RightsRequest, SubjectExport
from tenants.rights.steps import check, locked, note
from tenants.subjects.directory import audit_ref
from tenants.work.queue import enqueue

ACTOR = system("subject export")


def promise_export(request: RightsRequest, actor: Actor) -> SubjectExport:
    """Queue an export for a request that is locked; one that is on its way is enough."""
    waiting = request.exports.filter(state__in=SubjectExport.OPEN).first()
    if waiting:
        return waiting
    export = SubjectExport.objects.create(request=request, actor_ref=actor.ref)
    enqueue("subject_export", tenant_id=current_tenant(), object_id=export.id)
    note(request, "export_promised", actor)
    return export


@transaction.atomic
def make_export(*, request_id: UUID, actor: Actor) -> SubjectExport:
    """Make one more export for an open request, as when the first one's time is over.

    NotFound; Conflict request_ended, identity_missing, no_export (the kind is answered without).
    """
    request = locked(request_id)
    check(request, kinds.DONE)
    if not kinds.KINDS[request.kind].exports:
        raise Conflict("no_export", "A request of this kind is answered without an export.")
    export = promise_export(request, actor)
    record(AuditEvent.SUBJECT_EXPORT_REQUESTED, actor=actor, object_id=export.public_id)
    return export


@transaction.atomic
def download_export(*, request_id: UUID, actor: Actor) -> tuple[SubjectExport, Iterator[bytes]]:
    """The newest finished export of a request and its bytes, piece by piece; they may be read
    outside the scope. NotFound; Conflict export_not_ready, export_gone.
    """
    request = locked(request_id)
    export = request.exports.order_by("-id").first()
    if export is None or export.state in SubjectExport.OPEN:
        raise Conflict("export_not_ready", "This export is not ready yet. Wait until it is.")
    if not (export.state == SubjectExport.DONE and files.exists(current_tenant(), export.id)):
        raise Conflict("export_gone", "This export has no file any more. Make a new one.")
    note(request, "downloaded", actor)
    record(
        AuditEvent.SUBJECT_EXPORT_DOWNLOADED,
        actor=actor,
        object_id=export.public_id,
        subject_ref=audit_ref(request.subject_id),
    )
    return export, files.read(current_tenant(), export.id)


def destroy_exports(subject_id: int) -> None:
    """Destroy every export of a person, and those that are being made, within their erasure, which
    has an entry of its own.

    Files first: one that is gone already is no fault the second time.
    """
    wanted = SubjectExport.objects.select_for_update().filter(
        request__subject_id=subject_id, state__in=(*SubjectExport.OPEN, SubjectExport.DONE)
    )
    for export in wanted:
        _destroy(export)


def expire(tenant_id: UUID) -> int:
    """Periodic duty: destroy the files of exports whose time is over; returns how many."""
    with tenant_scope(tenant_id):
        over = list(
            SubjectExport.objects.select_for_update().filter(
                state=SubjectExport.DONE, expires_at__lte=Now()
            )
        )
        for export in over:
            _destroy(export)
            record(AuditEvent.SUBJECT_EXPORT_DESTROYED, actor=ACTOR, object_id=export.public_id)
    return len(over)


def _destroy(export: SubjectExport) -> None:
    files.destroy(current_tenant(), export.id)
    export.state = SubjectExport.EXPIRED
    export.save(update_fields=["state"])
