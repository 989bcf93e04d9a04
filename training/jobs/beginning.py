"""How a run of a job begins: its row claimed, its data frozen once, its order written down."""

import json
import shutil
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.errors import AppError
from tenants.isolation.names import tenant_folder
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease
from training.jobs import carrying, devices, life
from training.jobs.champion import champion_folder
from training.jobs.freezing import freeze
from training.jobs.models import Job, Snapshot
from training.jobs.moves import ASKED, move, tell
from training.jobs.queries import champion_of

ACTOR = system("trainer")


def folder_of(tenant_id: UUID, job_id: UUID) -> Path:
    return tenant_folder(settings.JOB_ROOT, tenant_id) / str(job_id)


def begin(lease: Lease, folder: Path) -> bool:
    """Claim the row and freeze the data once. False when there is nothing to run.

    CancelAsked, PauseAsked when that was asked of the run before, whose worker died.
    """
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        job = Job.objects.select_for_update().get(pk=lease.object_id)
        if job.state in ASKED:
            raise ASKED[job.state]
        if job.state not in (life.QUEUED, life.RUNNING):
            queue.finish(lease)
            return False
        job.started_at, job.attempts = job.started_at or now(), job.attempts + 1
        job.device = devices.of_this_worker()
        job.error = {}  # what held it before is over
        job.save(update_fields=["started_at", "attempts", "device", "error"])
        if job.state == life.QUEUED:
            move(job, life.RUNNING, {"attempt": job.attempts})
        else:  # the worker before went down without a word
            tell(job, "job.taken_up", "warn", {"attempt": job.attempts})
        snapshot = job.snapshot  # read here, where the scope is
    with kept_alive(lease):
        begun = carrying.bring(job, folder)
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        job = _prepare(lease, folder, lost=None if begun else snapshot)
    with kept_alive(lease):
        carrying.store_data(job, folder)
    carrying.mark(job, folder)
    return True


def give_up(lease: Lease) -> None:
    """The worker or the tenant rests: the job waits again. Whoever claimed gives the lease back."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        job = Job.objects.select_for_update().get(pk=lease.object_id)
        if job.state == life.RUNNING:
            move(job, life.QUEUED)


def check_kept(snapshot: Snapshot, folder: Path) -> None:
    """AppError snapshot_gone unless the snapshot's files lie in the job's folder."""
    names = ("job.json", *snapshot.files)
    if snapshot.destroyed_at or not all((folder / name).is_file() for name in names):
        raise AppError("snapshot_gone", "The frozen data of this job were deleted. Start anew.")


def _prepare(lease: Lease, folder: Path, *, lost: Snapshot | None) -> Job:
    """The snapshot and `job.json`; a folder that is whole already is left as it is.

    AppError snapshot_gone when the data that the job began with are no longer there: it never
    goes on with others. `lost` went down with a machine before anything was learnt from it.
    """
    job = Job.objects.select_related("snapshot").get(pk=lease.object_id)
    if job.snapshot and not lost:
        check_kept(job.snapshot, folder)
        return job
    shutil.rmtree(folder, ignore_errors=True)
    job.snapshot = freeze(folder, actor=ACTOR)
    if lost:  # behind the freezing, which may wait for an erasure that wants this row
        Snapshot.objects.filter(pk=lost.pk, destroyed_at=None).update(destroyed_at=now())
    job.save(update_fields=["snapshot"])
    order = {
        "format": 1,
        "origin": _origin(job, job.snapshot),
        "task": job.task,
        "base_model": job.base_model,
        "method": job.method,
        "seed": job.seed,
        "device": "auto",
        "threads": None,
        "params": job.params,
        "champion": champion_folder(job.task),
        "files": {name: file["sha256"] for name, file in job.snapshot.files.items()},
    }
    (folder / "job.json").write_text(json.dumps(order, indent=1))
    return job


def _origin(job: Job, snapshot: Snapshot) -> dict[str, str]:
    """What the engine writes into its record and never reads: where data and order come from."""
    champion = champion_of(job.task)
    return {
        "job": job.public_id,
        "snapshot": snapshot.public_id,
        "snapshot_sha256": bytes(snapshot.sha256).hex(),
        "policy_version": snapshot.policy_version,
        "parent_version": champion.public_id if champion and not champion.taint else "",
    }
