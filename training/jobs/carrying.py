"""A job's data and what it has reached, in the shared store, so that any machine can take it up.

Each is one file sealed under the tenant's key: `data-HASH` as it was frozen, `state-N` as attempt N
left it. Attempts only count up, so a worker that lost the job writes a name that nobody reads any
more. Where machines share plain folders nothing is carried.
"""

import logging
import re
import shutil
from pathlib import Path
from uuid import UUID

from tenants.errors import AppError
from tenants.isolation import depot
from tenants.isolation.depot import StoreUnreachable
from tenants.isolation.keys import tenant_key, tenant_keys
from tenants.isolation.scope import tenant_scope
from tenants.isolation.vault import opens
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease
from training.engine.failures import is_disk_full
from training.engine.sealed import sha256_of
from training.jobs import child
from training.jobs.bundle_files import MOST_BYTES
from training.jobs.models import Job, Snapshot
from training.jobs.sealed_archive import ArchiveDamaged, pack, unpack

logger = logging.getLogger(__name__)
ROOM, ORDER = "jobs", "job.json"
STATE = re.compile(r"state-(\d{8})")
# The number of the attempt that ran last in a folder of this machine.
MARK = "attempt"
REACHED = ("record.json", "progress.jsonl", "engine.log", "tensorboard", "checkpoint", "artifact")
WORTH_KEEPING = ("checkpoint", "artifact")


def bring(job: Job, folder: Path) -> bool:
    """Let `folder` hold the job's data, and what it reached if another machine got further.

    False when no machine has ever begun with these data: they may be frozen anew. AppError
    snapshot_damaged, StoreUnreachable.
    """
    snapshot = job.snapshot
    if not depot.is_shared() or snapshot is None or snapshot.destroyed_at:
        return True
    there = depot.listing(job.tenant_id, ROOM, str(job.id))
    whole = holds(snapshot, folder)
    newer = [number for number in _states(there) if number > (mark_of(folder) if whole else 0)]
    if (whole and not newer) or child.is_occupied(folder):
        return True
    if _data_name(snapshot) not in there:
        return whole or bool(newer)
    _replace(job, snapshot, folder, newer, there)
    return True


def _replace(
    job: Job, snapshot: Snapshot, folder: Path, states: list[int], there: dict[str, int]
) -> None:
    """The folder anew: the data, and the newest of `states` that opens."""
    aside = folder.with_name(f".{folder.name}.brought")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True, mode=0o700)
    try:
        _open(job, _data_name(snapshot), aside, (ORDER, *snapshot.files), there)
        for number in reversed(states):
            try:
                _open(job, _state_name(number), aside, REACHED, there)
                break
            except ArchiveDamaged:
                logger.exception("state %s of job %s is left out", number, job.id)
                _forget_reached(aside)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    except ArchiveDamaged as error:
        raise AppError("snapshot_damaged", "The frozen data were altered.") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def store_data(job: Job, folder: Path) -> None:
    """Keep the frozen data and the order for other machines, before anything is learnt from them;
    StoreUnreachable."""
    if not depot.is_shared() or job.snapshot is None:
        return
    name, there = _data_name(job.snapshot), depot.listing(job.tenant_id, ROOM, str(job.id))
    if name not in there:
        _put(job, name, folder, (ORDER, *job.snapshot.files))
    for old in set(there) - {name}:
        if old.startswith("data-"):
            depot.remove(job.tenant_id, ROOM, str(job.id), old)


def mark(job: Job, folder: Path) -> None:
    """Note that this attempt runs in the folder."""
    if depot.is_shared():
        (folder / MARK).write_text(str(job.attempts))


def store_state(lease: Lease, folder: Path) -> None:
    """Keep what the attempt reached for other machines. Where the store is away it stays here, and
    another machine begins from what was kept before; LeaseLost."""
    if not depot.is_shared() or not any((folder / name).exists() for name in WORTH_KEEPING):
        return
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        job = Job.objects.get(pk=lease.object_id)
    if mark_of(folder) != job.attempts:
        return  # another machine's attempt was the last one
    try:
        with kept_alive(lease):
            _put(job, _state_name(job.attempts), folder, REACHED)
            forget_states(job.tenant_id, job.id, before=job.attempts)
    except StoreUnreachable:
        logger.exception("what job %s reached stays on this machine", job.id)
    except OSError as error:
        if not is_disk_full(error):
            raise
        logger.exception("no room to keep what job %s reached", job.id)


def forget(tenant_id: UUID, job_id: UUID) -> None:
    """Destroy all that the store has of a job. StoreUnreachable: `sweeping` does it later."""
    if depot.is_shared():
        depot.remove(tenant_id, ROOM, str(job_id))


def forget_states(tenant_id: UUID, job_id: UUID, before: int = 10**8) -> None:
    """Destroy what attempts below `before` reached; StoreUnreachable."""
    if depot.is_shared():
        for number in _states(depot.listing(tenant_id, ROOM, str(job_id))):
            if number < before:
                depot.remove(tenant_id, ROOM, str(job_id), _state_name(number))


def holds(snapshot: Snapshot, folder: Path) -> bool:
    """Whether the order and the snapshot's very files lie in the folder."""
    files = snapshot.files.items()
    return (folder / ORDER).is_file() and all(
        (folder / name).is_file() and sha256_of(folder / name) == facts["sha256"]
        for name, facts in files
    )


def mark_of(folder: Path) -> int:
    """The attempt that ran last in this folder; 0 when none did."""
    try:
        return int((folder / MARK).read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _states(names: dict[str, int]) -> list[int]:
    return sorted(int(match[1]) for name in names if (match := STATE.fullmatch(name)))


def _state_name(number: int) -> str:
    return f"state-{number:08d}"


def _data_name(snapshot: Snapshot) -> str:
    return f"data-{bytes(snapshot.sha256).hex()}"


def _put(job: Job, name: str, folder: Path, names: tuple[str, ...]) -> None:
    sealed = folder / f".{name}"
    try:
        pack(sealed, folder, names, key=_key(job), context=_context(job, name))
        depot.upload(sealed, job.tenant_id, ROOM, str(job.id), name)
    finally:
        sealed.unlink(missing_ok=True)


def _open(job: Job, name: str, folder: Path, names: tuple[str, ...], there: dict[str, int]) -> None:
    if there[name] > MOST_BYTES:
        raise ArchiveDamaged(name)
    sealed = folder / f".{name}"
    try:
        depot.download(sealed, job.tenant_id, ROOM, str(job.id), name)
        unpack(sealed, folder, names, key=_opening(job, sealed, name), context=_context(job, name))
    finally:
        sealed.unlink(missing_ok=True)


def _forget_reached(folder: Path) -> None:
    for name in REACHED:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _key(job: Job) -> bytes:
    return tenant_key(job.tenant_id, "jobs")


def _opening(job: Job, sealed: Path, name: str) -> bytes:
    """Which key opens it: while the master key is rotated there are two."""
    keys = tenant_keys(job.tenant_id, "jobs")
    return next((key for key in keys if opens(sealed, key, _context(job, name))), keys[0])


def _context(job: Job, name: str) -> bytes:
    return context_of(job.id, name)


def context_of(job_id: UUID, name: str) -> bytes:
    """What a sealed file of a job is bound to."""
    return f"{job_id}/{name}".encode()
