"""What is done about requests once a minute: overdue ones are told of, erasures followed to their
end, and old ones forgotten after their time.
"""

from uuid import UUID

from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.erasure.queries import status_of
from tenants.isolation.scope import tenant_scope
from tenants.rights import kinds
from tenants.rights.days import today
from tenants.rights.models import KEPT_FOR, Correction, RequestStep, RightsRequest, SubjectExport
from tenants.rights.queries import overdue
from tenants.rights.steps import close, note

ACTOR = system("rights")
# From the sweep on nothing of the person is left but in models, which have a deadline of their own.
SWEPT = ("swept", "models_due", "finished")


def alert(tenant_id: UUID) -> int:
    """Periodic duty: one audit entry for each request that became overdue; returns how many."""
    with tenant_scope(tenant_id):
        late = list(overdue(today()).filter(overdue_noted_at=None).select_for_update())
        for request in late:
            request.overdue_noted_at = now()
            request.save(update_fields=["overdue_noted_at"])
            note(request, "overdue", ACTOR)
            record(
                AuditEvent.REQUEST_OVERDUE,
                actor=ACTOR,
                object_id=request.public_id,
                details={"kind": request.kind, "due_on": request.due_on.isoformat()},
            )
    return len(late)


def follow(tenant_id: UUID) -> int:
    """Periodic duty: end the requests whose erasure is swept; returns how many."""
    with tenant_scope(tenant_id):
        waiting = RightsRequest.objects.select_for_update().filter(
            state=kinds.IN_PROGRESS, erasure_id__isnull=False
        )
        swept = [
            one for one in waiting if one.erasure_id and status_of(one.erasure_id).state in SWEPT
        ]
        for request in swept:
            close(request, kinds.DONE, ACTOR)
    return len(swept)


def forget(tenant_id: UUID) -> int:
    """Periodic duty: delete requests that ended more than 24 months ago; returns how many."""
    with tenant_scope(tenant_id):
        old = list(
            RightsRequest.objects.filter(closed_at__lt=now() - KEPT_FOR).values_list(
                "id", flat=True
            )
        )
        if old:
            RequestStep.objects.filter(request_id__in=old).delete()
            SubjectExport.objects.filter(request_id__in=old).delete()
            Correction.objects.filter(request_id__in=old).delete()
            RightsRequest.objects.filter(id__in=old).delete()
            record(AuditEvent.REQUESTS_FORGOTTEN, actor=ACTOR, details={"count": len(old)})
    return len(old)
