"""Runs one job: freezes its data, starts the engine in a process of its own, stores what comes.

The supervisor is never inside a transaction while the engine trains. Every write of progress or
result first holds the lease, so that a supervisor which lost it can change nothing.
"""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.errors import AppError, TooMany
from tenants.isolation.names import tenant_folder
from tenants.isolation.scope import tenant_scope
from tenants.metering.meters import DEVICE
from tenants.metering.queries import check_month
from tenants.metering.record import count
from tenants.work import queue
from tenants.work.queue import Lease
from tenants.work.run import Resting, Stopped, check_gate, stopping
from training.jobs import child, finishing
from training.jobs.freezing import freeze
from training.jobs.models import Job, JobEvent
from training.jobs.progress import ProgressReader, store_lines

logger = logging.getLogger(__name__)
ACTOR = system("trainer")
POLL_SECONDS = 1.0
RENEW_SECONDS = 5.0
HANG_SECONDS = 600.0
GRACE_SECONDS = 30.0
POISON = 3
DONE, BAD_INPUT, CHECKPOINTED = 0, 2, 75
HUNG = -1000  # no exit status: the supervisor ended it


def run(lease: Lease) -> None:
    """Worker function of `job`."""
    try:
        folder = _begin(lease)
        if folder is None:
            return
        status = _train(lease, folder)
    except AppError as refused:
        finishing.fail(lease, refused.code, refused.params)
        return
    _conclude(lease, status, folder)


def folder_of(tenant_id: UUID, job_id: UUID) -> Path:
    return tenant_folder(settings.JOB_ROOT, tenant_id) / str(job_id)


def _begin(lease: Lease) -> Path | None:
    """Claim the row, count a standstill, freeze the data once. None when the job has ended."""
    folder = folder_of(lease.tenant_id, lease.object_id)
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        job = Job.objects.select_for_update().get(pk=lease.object_id)
        if job.state in Job.ENDED:
            queue.finish(lease)
            return None
        job.state, job.started_at = Job.RUNNING, job.started_at or now()
        job.attempts += 1
        job.save()
        JobEvent.objects.create(job=job, code="job.started", params={"attempt": job.attempts})
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        _prepare(lease, folder)
    return folder


def _prepare(lease: Lease, folder: Path) -> None:
    """The snapshot and `job.json`; a folder that is whole already is left as it is."""
    job = Job.objects.get(pk=lease.object_id)
    if job.snapshot_id and (folder / "job.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    job.snapshot = freeze(folder, actor=ACTOR)
    job.save(update_fields=["snapshot"])
    order = {
        "format": 1,
        "task": job.task,
        "base_model": job.base_model,
        "method": job.method,
        "seed": job.seed,
        "device": "auto",
        "threads": None,
        "params": job.params,
        "files": {name: file["sha256"] for name, file in job.snapshot.files.items()},
    }
    (folder / "job.json").write_text(json.dumps(order, indent=1))


def _train(lease: Lease, folder: Path) -> int:
    """The engine's exit status; whatever ends the watch ends the engine."""
    process = _start(folder)
    try:
        return _watch(lease, process, folder)
    except BaseException:
        _end(process)
        raise


def _start(folder: Path) -> subprocess.Popen[bytes]:
    """The engine in a session of its own, with no secret in its environment."""
    keep = ("PATH", "HOME", "LANG", "CUDA_VISIBLE_DEVICES", "HF_HOME", "TMPDIR")
    environment = {name: os.environ[name] for name in keep if name in os.environ}
    environment |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with (folder / "engine.log").open("ab") as log:
        return subprocess.Popen(  # nosec B603 # words of our own, no shell
            [sys.executable, "-m", child.__name__, str(folder), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
            start_new_session=True,
        )


def _watch(lease: Lease, process: subprocess.Popen[bytes], folder: Path) -> int:
    """Follow the engine to its end, or end it early; its exit status.

    What it did until then is counted and stored either way. Stopped, Resting; TooMany
    quota_exceeded when the month's device-seconds are used up.
    """
    reader, clock = ProgressReader(folder / "progress.jsonl"), DeviceClock(lease)
    try:
        status = _follow(lease, process, reader, clock)
    except (Stopped, Resting, TooMany):
        _end(process)
        _settle(lease, reader, clock)
        raise
    _settle(lease, reader, clock)
    return status


def _settle(lease: Lease, reader: ProgressReader, clock: "DeviceClock") -> None:
    clock.count()
    store_lines(lease, reader.read())


def _follow(
    lease: Lease, process: subprocess.Popen[bytes], reader: ProgressReader, clock: "DeviceClock"
) -> int:
    """Store progress as it comes, renew the lease, ask whether the engine may go on.

    A child that writes nothing for HANG_SECONDS is taken for hung and killed.
    """
    moved = renewed = time.monotonic()
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        if stopping():
            raise Stopped
        lines = reader.read()
        if lines:
            moved = time.monotonic()
            store_lines(lease, lines)
        if time.monotonic() - moved > HANG_SECONDS:
            _end(process)
            return HUNG
        if time.monotonic() - renewed > RENEW_SECONDS:
            queue.renew(lease)
            clock.count()
            _check_limits(lease)
            renewed = time.monotonic()
    return process.returncode


def _check_limits(lease: Lease) -> None:
    """Resting while the tenant is suspended; TooMany once the month's device-seconds are used."""
    check_gate(lease)
    with tenant_scope(lease.tenant_id):
        check_month(DEVICE)


class DeviceClock:
    """Meters the seconds that a job holds its device, as it goes: a killed worker loses little."""

    def __init__(self, lease: Lease) -> None:
        self._tenant_id = lease.tenant_id
        self._counted = time.monotonic()

    def count(self) -> None:
        """Bring what has passed since the last time into the tenant's meter."""
        moment = time.monotonic()
        with tenant_scope(self._tenant_id):
            count(DEVICE, moment - self._counted)
        self._counted = moment


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, so that the engine checkpoints; SIGKILL after the grace."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _conclude(lease: Lease, status: int, folder: Path) -> None:
    """What the exit status means for the job."""
    if status == DONE:
        finishing.succeed(lease, folder)
    elif status == BAD_INPUT:
        error = json.loads((folder / "error.json").read_text())
        finishing.fail(lease, error["code"], {"message": error.get("message", "")})
    elif status == child.OCCUPIED:
        # The last attempt's engine is still writing its checkpoint.
        queue.give_back(lease, charge=False, wait=queue.SOON)
    elif status == CHECKPOINTED:
        queue.give_back(lease, charge=False)
    elif _is_poison(lease, status):
        finishing.fail(lease, "poisoned", {"deaths": POISON})
    else:
        queue.give_back(lease, charge=True, wait=queue.SOON)


def _is_poison(lease: Lease, status: int) -> bool:
    """Note a death of the engine; whether it got no further than at POISON deaths in a row.

    Only what the engine does counts against the job: a worker or a machine that goes down does
    not, however often.
    """
    logger.warning("engine of job %s ended with %s", lease.object_id, status)
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        job = Job.objects.select_for_update().get(pk=lease.object_id)
        fraction = float(job.progress.get("fraction", 0.0))
        job.failures = 1 if fraction > job.failed_fraction else job.failures + 1
        job.failed_fraction = max(fraction, job.failed_fraction)
        job.save(update_fields=["failures", "failed_fraction"])
        JobEvent.objects.create(
            job=job, level="warn", code="engine.died", params={"status": status}
        )
        return job.failures >= POISON
