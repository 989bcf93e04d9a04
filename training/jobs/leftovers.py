"""Files of frozen data that a row says are destroyed: they go behind the row, outside of any scope.

Asked for this machine's folders and the shared store; other machines' folders follow within the
hour, see `machine_sweeping`.
"""

import logging
from uuid import UUID

from django.conf import settings

from tenants.isolation import depot
from tenants.isolation.depot import StoreUnreachable
from tenants.isolation.names import tenant_folder
from tenants.isolation.scope import tenant_scope
from training.jobs import carrying, life
from training.jobs.erasing import StillRunning, destroy_data
from training.jobs.models import Job
from training.jobs.sweeping import ids_among

logger = logging.getLogger(__name__)


def destroy_marked(tenant_id: UUID) -> None:
    """Destroy what still lies here or in the store of ended jobs whose data are marked so. What
    cannot go now holds nothing else up, and is found again by the next call."""
    lying = _lying(tenant_id)
    with tenant_scope(tenant_id):
        gone = Job.objects.filter(pk__in=lying, snapshot__destroyed_at__isnull=False)
        found = list(gone.filter(state__in=life.ENDED).values_list("id", flat=True))
    for job_id in found:
        try:
            destroy_data(tenant_id, job_id, patience=0)
        except (StillRunning, StoreUnreachable):
            logger.exception("the data of job %s are destroyed later", job_id)


def _lying(tenant_id: UUID) -> set[UUID]:
    """Jobs of which there are files."""
    folder = tenant_folder(settings.JOB_ROOT, tenant_id)
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if depot.is_shared():
        try:
            stored = depot.listing(tenant_id, carrying.ROOM)
            names |= {name.partition("/")[0] for name in stored}
        except StoreUnreachable:
            logger.exception("what the store has of tenant %s is destroyed later", tenant_id)
    return ids_among(names)
