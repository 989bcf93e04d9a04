"""Releasing held rows of subjects who have consented since."""

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.models import QuarantinedRow
from tenants.behaviour.quarantine import opened
from tenants.behaviour.storing import store_events
from tenants.consent.queries import storable
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.queue import Lease

BATCH = 20_000


def run(lease: Lease) -> None:
    """Worker function of `release`: free what may be stored now, batch by batch."""
    with tenant_scope(lease.tenant_id):
        held = set(QuarantinedRow.objects.values_list("subject_id", flat=True).distinct())
        free = sorted(storable(held))
    while _release_batch(lease, free):
        queue.renew(lease)
    with tenant_scope(lease.tenant_id):
        queue.finish(lease)


def _release_batch(lease: Lease, free: list[int]) -> int:
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        waiting = QuarantinedRow.objects.filter(subject_id__in=free).order_by("id")
        rows = list(waiting.select_for_update()[:BATCH])
        # Asked again inside the transaction: a withdrawal may have come since.
        allowed = storable({row.subject_id for row in rows})
        rows = [row for row in rows if row.subject_id in allowed]
        if rows:
            store_events(opened(rows), upload_id=None)
            QuarantinedRow.objects.filter(pk__in=[row.pk for row in rows]).delete()
            record(AuditEvent.ROWS_RELEASED, actor=system("release"), details={"count": len(rows)})
    return len(rows)
