"""Asking for evidence and taking it away. Check, change, record."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.departure.services import content_of
from tenants.errors import AppError, Conflict, NotFound
from tenants.evidence.kinds import kinds
from tenants.evidence.models import EvidenceExport
from tenants.evidence.options import read_options
from tenants.isolation.scope import current_tenant
from tenants.work.queue import enqueue


@transaction.atomic
def request_evidence(*, kind: str, filters: Mapping[str, Any], actor: Actor) -> EvidenceExport:
    """Promise an export of this kind. AppError unknown_evidence and those of `read_options`;
    Conflict export_open while one of the same kind is on its way.
    """
    known = kinds()
    if kind not in known:
        raise AppError("unknown_evidence", f"Choose one of {', '.join(known)}.", param="kind")
    options = read_options(filters, known[kind].filters)
    try:
        with transaction.atomic():
            export = EvidenceExport.objects.create(kind=kind, options=options, actor_ref=actor.ref)
    except IntegrityError as error:
        raise Conflict("export_open", "An export is being made. Wait until it is ready.") from error
    enqueue("evidence", tenant_id=current_tenant(), object_id=export.id)
    record(
        AuditEvent.EVIDENCE_REQUESTED,
        actor=actor,
        object_id=export.public_id,
        subject_ref=options.get("subject_ref", ""),
        details={"kind": kind, "filters": sorted(set(options) - {"subject_ref"})},
    )
    return export


@transaction.atomic
def download_evidence(*, export_id: UUID, actor: Actor) -> tuple[EvidenceExport, Iterator[bytes]]:
    """A finished export and its bytes, piece by piece; they may be read outside the scope.

    NotFound; Conflict export_not_ready, export_gone.
    """
    export = EvidenceExport.objects.filter(pk=export_id).first()
    if export is None:
        raise NotFound("evidence")
    content = content_of(export)
    record(
        AuditEvent.EVIDENCE_DOWNLOADED,
        actor=actor,
        object_id=export.public_id,
        details={"kind": export.kind},
    )
    return export, content
