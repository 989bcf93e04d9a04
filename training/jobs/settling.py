"""A run that is to end or rest while nobody works on it: its worker died, and it waits for its turn
again. What was asked is done at once, for it needs no device.
"""

from uuid import UUID

from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from training.jobs import finishing
from training.jobs.models import Job
from training.jobs.moves import ASKED


def settle(tenant_id: UUID, job_id: UUID) -> None:
    """Do what was asked of the job if it waits; nothing where a worker has it, which does it."""
    with tenant_scope(tenant_id):
        asked = Job.objects.filter(pk=job_id, state__in=ASKED).exists()
    lease = queue.take("job", tenant_id=tenant_id, object_id=job_id) if asked else None
    if lease:
        finishing.requeue(lease, charge=False)
