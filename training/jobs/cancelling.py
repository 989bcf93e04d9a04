"""What cancelling destroys: the frozen data and all that was learnt from them."""

import shutil

from django.utils.timezone import now

from training.jobs import life
from training.jobs.beginning import folder_of
from training.jobs.models import Job, Snapshot


def mark_destroyed(job: Job) -> None:
    """Inside the transaction that cancels: the snapshot is told to be gone."""
    if job.snapshot_id:
        Snapshot.objects.filter(pk=job.snapshot_id).update(destroyed_at=now())


def destroy_cancelled(job: Job) -> None:
    """Behind that transaction: remove the folder of a cancelled job; any other stays."""
    if job.state == life.CANCELLED:
        shutil.rmtree(folder_of(job.tenant_id, job.id), ignore_errors=True)
