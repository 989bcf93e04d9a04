"""Runs one job: freezes its data, starts the engine in a process of its own, stores what comes.

The supervisor is never inside a transaction while the engine trains. Every write of progress or
result first holds the lease, so that a supervisor which lost it can change nothing.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tenants.audit.actor import system
from tenants.errors import AppError, TooMany
from tenants.isolation.scope import tenant_scope
from tenants.metering.meters import DEVICE
from tenants.metering.queries import check_month
from tenants.work import queue
from tenants.work.queue import Lease
from tenants.work.run import Resting, Stopped, check_gate, stopping
from training.jobs import child, finishing
from training.jobs.beginning import begin, folder_of, give_up
from training.jobs.clock import DeviceClock
from training.jobs.models import Job
from training.jobs.moves import ASKED, CancelAsked, PauseAsked, tell
from training.jobs.progress import ProgressReader, store_lines

logger = logging.getLogger(__name__)
ACTOR = system("trainer")
POLL_SECONDS = 0.5
RENEW_SECONDS = 5.0
HANG_SECONDS = 600.0
GRACE_SECONDS = 30.0
POISON = 3
DONE, BAD_INPUT, CHECKPOINTED = 0, 2, 75
HUNG = -1000  # no exit status: the supervisor ended it


def run(lease: Lease) -> None:
    """Worker function of `job`."""
    folder = folder_of(lease.tenant_id, lease.object_id)
    try:
        if not begin(lease, folder):
            return
        status = _train(lease, folder)
    except AppError as refused:
        finishing.fail(lease, refused.code, refused.params)
    except CancelAsked:
        finishing.cancel(lease, folder)
    except PauseAsked:
        finishing.pause(lease)
    except (Stopped, Resting):
        give_up(lease)
        raise
    else:
        _conclude(lease, status, folder)


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
    elif _is_poison(lease, status):
        finishing.fail(lease, "poisoned", {"deaths": POISON})
    else:
        finishing.requeue(lease, charge=True, wait=queue.SOON)


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
        tell(job, "engine.died", "warn", {"status": status})
        return job.failures >= POISON
