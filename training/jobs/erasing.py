"""What an erasure reaches among frozen data: the files of every snapshot that holds the person, on
this machine and in the shared store, and the jobs that run on them.

Other machines' folders follow within the hour, see `machine_sweeping`.
"""

import logging
import shutil
import time
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.timezone import now

from tenants.audit.actor import Actor, system
from tenants.audit.canonical import timestamp
from tenants.erasure.reach import Reach
from tenants.errors import AppError
from tenants.isolation.scope import tenant_scope
from training.jobs import carrying, child, life
from training.jobs.beginning import folder_of
from training.jobs.control import abort_job, create_job
from training.jobs.models import Job, Snapshot, SnapshotSubject
from training.jobs.tainting import descending, taint
from training.jobs.taints import ERASURE

logger = logging.getLogger(__name__)
ACTOR = system("erasure")
# What of an order the one that takes its place repeats.
SAME = ("base_model", "method", "params", "seed", "name", "metadata", "trigger")
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
        abort_jobs(jobs, "erased", actor)

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


class Versions(Reach):
    """Versions that descend from an erased person's data: their weights keep traces until they
    are replaced."""

    name = "version_weights"

    def held(self, subject_id: int) -> int:
        return sum(not version.is_gone for version in descending(snapshots_of(subject_id)))

    def mark(self, subject_id: int, actor: Actor) -> None:
        taint(dict.fromkeys(snapshots_of(subject_id), ERASURE), actor)

    def is_due(self, subject_id: int) -> bool:
        return self.held(subject_id) > 0

    def facts(self, subject_id: int) -> dict[str, Any]:
        return {
            "versions": [
                {
                    "id": version.public_id,
                    "number": version.number,
                    "state": version.fate,
                    "due_at": timestamp(version.due_at) if version.due_at else None,
                    "manifest_sha256": bytes(version.manifest_sha256).hex(),
                }
                for version in descending(snapshots_of(subject_id))
            ]
        }


def snapshots_of(subject_id: int) -> list[UUID]:
    """The ids of the snapshots that hold a person."""
    return list(holding(subject_id).order_by("id").values_list("id", flat=True))


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


def abort_jobs(jobs: list[Job], code: str, actor: Actor) -> None:
    """Inside the transaction of `lock`: cancel what has not ended, and begin it anew with what may
    be learnt from now. A paused job stays with whoever paused it."""
    for job in jobs:
        if job.state in (*life.ENDED, life.CANCELLING):
            continue
        waited = job.state == life.PAUSED
        abort_job(job=job, code=code, actor=actor)
        if not waited:
            _begin_anew(job)


def _begin_anew(job: Job) -> None:
    order = {name: getattr(job, name) for name in SAME}
    try:
        create_job(actor=ACTOR, **order)
    except AppError as refused:  # its page says that it ended, and why
        logger.info("job %s is not begun anew: %s", job.public_id, refused.code)


def destroy_data(tenant_id: UUID, job_id: UUID, patience: float = PATIENCE_SECONDS) -> None:
    """The job's folder here and what the shared store has of it; not to be had back, so never
    inside a scope. StillRunning after `patience` seconds, StoreUnreachable."""
    folder = folder_of(tenant_id, job_id)
    deadline = time.monotonic() + patience
    while child.is_occupied(folder):
        if time.monotonic() > deadline:
            raise StillRunning(str(job_id))
        time.sleep(POLL_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)
    carrying.forget(tenant_id, job_id)
