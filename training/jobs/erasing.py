"""What an erasure reaches among frozen data: the files of every snapshot that holds the person, on
this machine and in the shared store, and the jobs that run on them.

Other machines' folders follow within the hour, see `machine_sweeping`.
"""

import shutil
import time
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.canonical import timestamp
from tenants.erasure.reach import Reach
from tenants.isolation.scope import tenant_scope
from training.jobs import carrying, child, life
from training.jobs.beginning import folder_of
from training.jobs.control import abort_job
from training.jobs.models import Job, Snapshot, SnapshotSubject

# An engine that was told to stop has gone within two seconds or steps.
PATIENCE_SECONDS, POLL_SECONDS = 60.0, 0.5


class StillRunning(Exception):
    """An engine has not let go of a folder yet; the sweep comes again."""


class Snapshots(Reach):
    """Frozen data go whole: a file of events cannot lose one person and keep its hash."""

    name = "snapshot_files"

    def held(self, subject_id: int) -> int:
        return holding(subject_id).filter(destroyed_at=None).count()

    def mark(self, subject_id: int, actor: Actor) -> None:
        jobs = lock(subject_id)
        holding(subject_id).filter(destroyed_at=None).update(destroyed_at=now())
        for job in jobs:
            if job.state not in (*life.ENDED, life.CANCELLING):
                abort_job(job=job, code="erased", actor=actor)

    def sweep(self, tenant_id: UUID, subject_id: int) -> None:
        with tenant_scope(tenant_id):
            jobs = Job.objects.filter(snapshot__in=holding(subject_id))
            ids = list(jobs.values_list("id", flat=True))
        for job_id in ids:
            destroy_data(tenant_id, job_id)

    def facts(self, subject_id: int) -> dict[str, Any]:
        found = holding(subject_id).order_by("id")
        return {
            "snapshots": [
                {
                    "id": one.public_id,
                    "sha256": bytes(one.sha256).hex(),
                    "destroyed_at": timestamp(one.destroyed_at) if one.destroyed_at else None,
                }
                for one in found
            ]
        }


def holding(*subject_ids: int) -> "QuerySet[Snapshot]":
    """The snapshots that hold any of these people."""
    members = SnapshotSubject.objects.filter(subject_id__in=subject_ids)
    return Snapshot.objects.filter(pk__in=members.values("snapshot_id"))


def lock(*subject_ids: int) -> list[Job]:
    """The jobs of those snapshots, held until the transaction ends, and then the snapshots: in the
    order in which a job that ends holds its own, so neither misses what the other writes."""
    found = holding(*subject_ids)
    jobs = Job.objects.filter(snapshot__in=found).order_by("id")
    locked = list(jobs.select_for_update(of=("self",)))
    list(found.order_by("id").select_for_update(of=("self",)))
    return locked


def destroy_data(tenant_id: UUID, job_id: UUID) -> None:
    """The job's folder here and what the shared store has of it. StillRunning, StoreUnreachable."""
    folder = folder_of(tenant_id, job_id)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while child.is_occupied(folder):
        if time.monotonic() > deadline:
            raise StillRunning(str(job_id))
        time.sleep(POLL_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    carrying.forget(tenant_id, job_id)
