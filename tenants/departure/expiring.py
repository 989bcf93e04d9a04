"""Deleting exports after their time, and what killed attempts have left."""

from uuid import UUID

from django.db.models.functions import Now

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.departure import files
from tenants.departure.models import TenantExport
from tenants.isolation.scope import tenant_scope

ACTOR = system("export")


def expire(tenant_id: UUID) -> int:
    """Periodic duty: destroy the files of exports whose time is over; returns how many."""
    with tenant_scope(tenant_id):
        over = list(
            TenantExport.objects.select_for_update().filter(
                state=TenantExport.DONE, expires_at__lte=Now()
            )
        )
        for export in over:
            # Before the row says so: a file that is gone already is no fault the second time.
            files.destroy(tenant_id, export.id)
            export.state = TenantExport.EXPIRED
            export.save(update_fields=["state"])
            record(AuditEvent.EXPORT_DESTROYED, actor=ACTOR, object_id=export.public_id)
    return len(over)
