"""What an end destroys: of a cancelled job the frozen data and all that was learnt from them; of
any other what it had reached.

Other machines' folders and what the store kept while it was away follow within the hour, see
`sweeping` and `machine_sweeping`.
"""

import logging
import shutil
from uuid import UUID

from django.utils.timezone import now

from tenants.isolation.depot import StoreUnreachable
from training.jobs import artifacts, carrying, life
from training.jobs.beginning import folder_of
from training.jobs.models import Job, Snapshot

logger = logging.getLogger(__name__)


def mark_destroyed(job: Job) -> None:
    """Inside the transaction that cancels: the snapshot is told to be gone."""
    if job.snapshot_id:
        Snapshot.objects.filter(pk=job.snapshot_id).update(destroyed_at=now())


def destroy_cancelled(job: Job) -> None:
    """Behind that transaction: remove the folder of a cancelled job; any other stays."""
    if job.state == life.CANCELLED:
        shutil.rmtree(folder_of(job.tenant_id, job.id), ignore_errors=True)
        try:
            carrying.forget(job.tenant_id, job.id)
        except StoreUnreachable:
            logger.exception("what the store has of job %s is left to the sweep", job.id)


def destroy_bundle(tenant_id: UUID, digest: bytes) -> None:
    """Of a run that was cancelled when its bundle was stored already."""
    try:
        artifacts.destroy(tenant_id, digest)
    except StoreUnreachable:
        logger.exception("bundle %s is left to the sweep", digest.hex())


def forget_reached(job: Job) -> None:
    """Behind the end of a job: what its attempts reached is of no more use."""
    try:
        carrying.forget_states(job.tenant_id, job.id)
    except StoreUnreachable:
        logger.exception("what the store has of job %s is left to the sweep", job.id)
