"""Taking one's data and leaving: export, download, close, take it back. Check, change, record."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.timezone import now

from tenants.accounts.life import locked_tenant, turn, with_sibling
from tenants.accounts.models import Tenant
from tenants.audit.actor import Actor
from tenants.audit.canonical import timestamp
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.departure import files
from tenants.departure.models import SealedExport, TenantExport
from tenants.errors import AppError, Conflict, NotFound
from tenants.isolation.models import KnownTenant
from tenants.isolation.scope import current_tenant, tenant_scope
from tenants.work.queue import enqueue

# How long a closed tenant may come back. The database refuses less than seven days.
GRACE = timedelta(days=30)
# From which state (`Tenant.resting`) to which.
CLOSED = {"": Tenant.CLOSING, Tenant.OPERATOR: Tenant.HELD}
KEPT = {Tenant.CLOSING: "", Tenant.HELD: Tenant.OPERATOR}


@transaction.atomic
def request_export(*, actor: Actor) -> TenantExport:
    """Promise an export of the tenant in scope. Conflict export_open while one is on its way."""
    locked_tenant()
    if TenantExport.objects.filter(state__in=TenantExport.OPEN).exists():
        raise Conflict("export_open", "An export is being made. Wait until it is ready.")
    export = TenantExport.objects.create(actor_ref=actor.ref)
    enqueue("export", tenant_id=current_tenant(), object_id=export.id)
    record(AuditEvent.EXPORT_REQUESTED, actor=actor, object_id=export.public_id)
    return export


@transaction.atomic
def download_export(*, export_id: UUID, actor: Actor) -> tuple[TenantExport, Iterator[bytes]]:
    """A finished export and its bytes, piece by piece; they may be read outside the scope.

    NotFound; Conflict export_not_ready, export_gone.
    """
    export = TenantExport.objects.filter(pk=export_id).first()
    if export is None:
        raise NotFound("export")
    content = content_of(export)
    record(AuditEvent.EXPORT_DOWNLOADED, actor=actor, object_id=export.public_id)
    return export, content


def content_of(export: SealedExport) -> Iterator[bytes]:
    """The bytes of any finished export, piece by piece. Conflict export_not_ready, export_gone."""
    if export.state in SealedExport.OPEN:
        raise Conflict("export_not_ready", "This export is not ready yet. Wait until it is.")
    if not (export.state == SealedExport.DONE and files.exists(export.tenant_id, export.id)):
        raise Conflict("export_gone", "This export has no file any more. Make a new one.")
    return files.read(export.tenant_id, export.id)


def close_tenant(*, tenant_id: UUID, name: str, actor: Actor) -> None:
    """Suspend a tenant and set its end, GRACE from now; its test tenant goes with it.

    `name` is the tenant's, typed by whoever decides; a suspended one is closed by the operator
    alone. AppError name_differs; NotFound; Conflict close_live_tenant, tenant_suspended,
    export_first (none is finished and still kept).
    """
    with transaction.atomic():
        for one in with_sibling(tenant_id):
            with tenant_scope(one):
                tenant = locked_tenant()
                if one == tenant_id:
                    _check_closing(tenant, name, actor)
                if turn(tenant, CLOSED):
                    _set_end(tenant, actor)


def _check_closing(tenant: Tenant, name: str, actor: Actor) -> None:
    if tenant.live_id:
        raise Conflict("close_live_tenant", "A test tenant closes with its live one.")
    if tenant.resting not in CLOSED or (tenant.resting and actor.type != "system"):
        raise Conflict("tenant_suspended", "This tenant is suspended already.")
    if name.strip() != tenant.name:
        raise AppError("name_differs", "Type the tenant's name as it is written.", param="name")
    if not TenantExport.objects.filter(state=TenantExport.DONE, expires_at__gt=Now()).exists():
        raise Conflict("export_first", "Make an export first: closing deletes everything.")


def _set_end(tenant: Tenant, actor: Actor) -> None:
    closes_at = now() + GRACE
    KnownTenant.objects.filter(pk=tenant.id).update(closes_at=closes_at)
    record(
        AuditEvent.TENANT_CLOSING,
        actor=actor,
        object_id=tenant.public_id,
        details={"closes_at": timestamp(closes_at)},
    )


def keep_tenant(*, tenant_id: UUID, actor: Actor) -> None:
    """Take `close_tenant` back; a suspension beside it stays.

    NotFound; Conflict tenant_not_closing, also once it is too late; Conflict tenant_suspended,
    where the operator holds it, for anybody else.
    """
    with transaction.atomic():
        for one in with_sibling(tenant_id):
            with tenant_scope(one):
                tenant = locked_tenant()
                if one == tenant_id:
                    _check_keeping(tenant, actor)
                if _is_in_time() and turn(tenant, KEPT):
                    KnownTenant.objects.filter(pk=one).update(closes_at=None)
                    record(AuditEvent.TENANT_KEPT, actor=actor, object_id=tenant.public_id)
                elif one == tenant_id:
                    raise Conflict("tenant_not_closing", "This tenant is not being closed.")


def _check_keeping(tenant: Tenant, actor: Actor) -> None:
    if tenant.resting == Tenant.HELD and actor.type != "system":
        raise Conflict(
            "tenant_suspended", "This tenant is suspended. Only the operator can keep it."
        )


def _is_in_time() -> bool:
    return KnownTenant.objects.filter(pk=current_tenant(), closes_at__gt=Now()).exists()
