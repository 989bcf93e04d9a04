"""Runs one job: freezes its data, starts the engine in a process of its own, stores what comes.

The supervisor is never inside a transaction while the engine trains. Every write of progress or
result first holds the lease, so that a supervisor which lost it can change nothing.
"""

import json
import logging
import os
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tenants.audit.actor import system
from tenants.errors import AppError, TooMany
from tenants.isolation.depot import StoreUnreachable
from tenants.isolation.scope import tenant_scope
from tenants.metering.meters import DEVICE
from tenants.metering.queries import check_month
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease
from tenants.work.run import Resting, Stopped, check_gate, stopping
from training.engine.failures import is_disk_full
from training.jobs import carrying, child, finishing, gpus, memory
from training.jobs.beginning import begin, folder_of, give_up
from training.jobs.champion import champion_at_hand
from training.jobs.clock import DeviceClock
from training.jobs.models import Job
from training.jobs.moves import ASKED, CancelAsked, PauseAsked, tell
from training.jobs.progress import ProgressReader, store_lines

logger = logging.getLogger(__name__)
ACTOR = system("trainer")
POLL_SECONDS = 0.5
RENEW_SECONDS = 2.0  # what a killed worker leaves unmetered at most
HANG_SECONDS = 600.0
GRACE_SECONDS = 30.0
POISON = 3
DONE, BAD_INPUT, CHECKPOINTED, DISK_FULL, OUT_OF_MEMORY = 0, 2, 75, 76, 77
# No exit statuses: the supervisor ended it, and the kernel did for want of memory.
HUNG, STARVED = -1000, -1001


def run(lease: Lease) -> None:
    """Worker function of `job`. On a full disk it rests until somebody resumes it."""
    folder = folder_of(lease.tenant_id, lease.object_id)
    try:
        _run(lease, folder)
    except StoreUnreachable:
        logger.exception("the store is away from job %s", lease.object_id)
        finishing.wait_for_store(lease)
    except Exception as error:
        if not is_disk_full(error):
            raise
        logger.exception("no room for job %s", lease.object_id)
        finishing.hold(lease, "disk_full")


def _run(lease: Lease, folder: Path) -> None:
    clock = DeviceClock(lease)
    try:
        if not begin(lease, folder):
            return
        clock.count()  # nobody else had the device while the data were frozen
        status = _train(lease, folder)
    except AppError as refused:
        finishing.fail(lease, refused.code, refused.params)
    except CancelAsked:
        finishing.cancel(lease)
    except PauseAsked:
        carrying.store_state(lease, folder)
        finishing.pause(lease)
    except (Stopped, Resting):
        carrying.store_state(lease, folder)
        give_up(lease)
        raise
    else:
        if status not in (DONE, BAD_INPUT, child.OCCUPIED):
            carrying.store_state(lease, folder)
        _conclude(lease, status, folder)


def _train(lease: Lease, folder: Path) -> int:
    """The engine's exit status; whatever ends the watch ends the engine."""
    killed = memory.kills()
    with ExitStack() as held:
        with kept_alive(lease):  # it may be brought from the store
            held.enter_context(champion_at_hand(lease.tenant_id, folder))
        process = _start(folder, **held.enter_context(gpus.lent(_devices(lease))))
        try:
            status = _watch(lease, process, folder)
        except BaseException:
            _end(process)
            raise
    return STARVED if status == -signal.SIGKILL and memory.kills() > killed else status


def _devices(lease: Lease) -> int:
    with tenant_scope(lease.tenant_id):
        return Job.objects.get(pk=lease.object_id).devices


def _start(folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    return child.start(folder, **environment)


def _watch(lease: Lease, process: subprocess.Popen[bytes], folder: Path) -> int:
    """Follow the engine to its end, or end it early; its exit status.

    What it did until then is counted and stored either way. Stopped, Resting; TooMany
    quota_exceeded when the month's device-seconds are used up.
    """
    reader, clock = ProgressReader(folder / "progress.jsonl"), DeviceClock(lease)
    try:
        status = _follow(lease, process, reader, clock)
    except CancelAsked:
        _kill(process)  # nothing is kept of it
        _settle(lease, reader, clock)
        raise
    except (Stopped, Resting, TooMany, PauseAsked):
        _end(process)
        _settle(lease, reader, clock)
        raise
    _settle(lease, reader, clock)
    return status


def _settle(lease: Lease, reader: ProgressReader, clock: DeviceClock) -> None:
    clock.count()
    store_lines(lease, reader.read())


def _follow(
    lease: Lease, process: subprocess.Popen[bytes], reader: ProgressReader, clock: DeviceClock
) -> int:
    """Store progress as it comes, renew the lease, ask whether the engine may go on.

    A child that writes nothing for HANG_SECONDS is taken for hung and killed.
    """
    moved = renewed = time.monotonic()
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        if stopping():
            raise Stopped
        _check_asked(lease)
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


def _check_asked(lease: Lease) -> None:
    """CancelAsked or PauseAsked once somebody has asked for it."""
    with tenant_scope(lease.tenant_id):
        state = Job.objects.values_list("state", flat=True).get(pk=lease.object_id)
    if state in ASKED:
        raise ASKED[state]


def _check_limits(lease: Lease) -> None:
    """Resting while the tenant is suspended; TooMany once the month's device-seconds are used."""
    check_gate(lease)
    with tenant_scope(lease.tenant_id):
        check_month(DEVICE)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, so that the engine checkpoints; SIGKILL after the grace."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
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
        finishing.requeue(lease, charge=False, wait=queue.SOON)
    elif status == CHECKPOINTED:
        finishing.requeue(lease, charge=False)
    elif status == DISK_FULL:
        finishing.hold(lease, "disk_full")
    elif poison := _note_death(lease, status):
        finishing.fail(lease, *poison)
    else:
        finishing.requeue(lease, charge=True, wait=queue.SOON)


def _note_death(lease: Lease, status: int) -> tuple[str, dict[str, Any]] | None:
    """Note a death of the engine; code and parameters of the end of a job whose engine got no
    further at POISON deaths in a row, else None.

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
        starved = _is_starved(status, job.progress)
        place = {"stage": job.progress.get("stage", ""), "percent": round(100 * fraction)}
        told = "engine.out_of_memory" if starved else "engine.died"
        tell(job, told, "warn", {"status": status, **place})
    if job.failures < POISON:
        return None
    # Another job may have taken the memory, so a run has its chances before it is blamed.
    return "out_of_memory" if starved else "poisoned", {"deaths": POISON, **place}


def _is_starved(status: int, progress: dict[str, Any]) -> bool:
    """Whether the engine ended for want of memory: it said so, the kernel did, or it was killed
    by nobody here while it held nearly all there is."""
    killed = status == -signal.SIGKILL and memory.nearly_all(float(progress.get("rss_mb", 0.0)))
    return killed or status in (OUT_OF_MEMORY, STARVED)
