"""Releasing held rows of subjects who have consented since."""

from uuid import UUID

from django.db.models import Q, QuerySet

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.landing.narrowing import narrow_copies, told_by
from tenants.behaviour.landing.quarantine import opened
from tenants.behaviour.landing.storing import store_events
from tenants.behaviour.models import QuarantinedRow
from tenants.consent.policy import storing_purposes
from tenants.consent.queries import storing
from tenants.isolation.scope import tenant_scope
from tenants.metering.meters import EVENTS
from tenants.metering.record import count
from tenants.subjects.suppression import keep_erasures_out
from tenants.work import queue
from tenants.work.queue import Lease
from tenants.work.run import check_gate

BATCH = 5_000


def run(lease: Lease) -> None:
    """Worker function of `release`: free what may be stored now, batch by batch."""
    while _release_batch(lease):
        queue.renew(lease)
        check_gate(lease)
    with tenant_scope(lease.tenant_id):
        queue.finish(lease)


def look(tenant_id: UUID) -> None:
    """Periodic duty: a consent may begin to count later than it was recorded."""
    with tenant_scope(tenant_id):
        if _free().exists():
            queue.enqueue("release", tenant_id=tenant_id, object_id=tenant_id)


def _free() -> QuerySet[QuarantinedRow]:
    """Rows of subjects who allow a purpose that the row itself does not withhold."""
    free = Q(withheld=None, subject_id__in=storing().values("subject_id"))
    for purpose in storing_purposes():
        allowed = storing().filter(purpose=purpose.value).values("subject_id")
        free |= Q(withheld__isnull=False, subject_id__in=allowed) & ~Q(
            withheld__contains=[purpose.value]
        )
    return QuarantinedRow.objects.filter(free)


def _release_batch(lease: Lease) -> int:
    """Consent and rows are read in the transaction that stores them; returns how many rows."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        keep_erasures_out()  # nor is an event deleted, see `stand_alone`
        rows = list(_free().order_by("id").select_for_update(of=("self",))[:BATCH])
        if rows:
            staged = opened(rows)
            before = store_events(staged, upload_id=None)
            if before:  # a copy was stored meanwhile
                narrow_copies(told_by(staged))
            QuarantinedRow.objects.filter(pk__in=[row.pk for row in rows]).delete()
            record(AuditEvent.ROWS_RELEASED, actor=system("release"), details={"count": len(rows)})
            count(EVENTS, len(rows) - len(before))
    return len(rows)
