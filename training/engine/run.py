"""Runs one job: `python -m training.engine.run FOLDER`.

Exit codes: 0 done (or done before), 75 stopped by SIGTERM with everything kept to go on, 2 the job
cannot run as given (see error.json), 76 the disk is full and 77 memory was refused (both keep the
last good checkpoint, and write nothing more); anything else is a crash. Knows no tenant and no
database.
"""

import ctypes
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from training.engine.failures import JobError, is_disk_full, is_out_of_memory
from training.engine.sealed import Damaged, read_sealed
from training.engine.stopping import Interrupted, Stop

DONE, BAD_INPUT, STOPPED, DISK_FULL, OUT_OF_MEMORY = 0, 2, 75, 76, 77
ERROR_FILE = "error.json"
ARTIFACT = "artifact"
CHECKPOINT = "checkpoint"
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of glibc's malloc.h


def main(arguments: list[str]) -> int:
    """Run the job in the folder that is named as the only argument. Returns the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m training.engine.run FOLDER", file=sys.stderr)
        return BAD_INPUT
    folder = Path(arguments[0])
    (folder / ERROR_FILE).unlink(missing_ok=True)
    if _already_made(folder):
        return DONE
    return guarded(folder, lambda: _work(folder))


def guarded(folder: Path, work: Callable[[], int]) -> int:
    """The exit code of `work`; what the job or the machine refused is told as the module says."""
    try:
        return _work_or_tell(folder, work)
    except Exception as error:
        refused = _refused(error)
        if refused is None:
            raise
        logging.getLogger(__name__).exception("the machine refused")
        return refused


def _work_or_tell(folder: Path, work: Callable[[], int]) -> int:
    try:
        return work()
    except JobError as error:
        text = json.dumps(error.as_record(), ensure_ascii=False)
        temporary = folder / f".{ERROR_FILE}"
        temporary.write_text(text)
        temporary.rename(folder / ERROR_FILE)
        print(text, file=sys.stderr)
        return BAD_INPUT


def _refused(error: Exception) -> int | None:
    """The exit code of what the machine refused; None for an error of another kind."""
    if is_disk_full(error):
        return DISK_FULL
    return OUT_OF_MEMORY if is_out_of_memory(error) else None


def _already_made(folder: Path) -> bool:
    """Whether a whole artifact is there; a damaged one is moved out of the way."""
    if not (folder / ARTIFACT).exists():
        return False
    try:
        read_sealed(folder / ARTIFACT)
    except Damaged as damage:
        logging.getLogger(__name__).warning("artifact is made again: %s", damage)
        shutil.rmtree(folder / ARTIFACT)
        return False
    shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)
    return True


def prepare_environment() -> None:
    """Before torch is imported."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # Threads that spin while they wait starve a web server on the same cores, and each other.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # For each shape that it meets, oneDNN keeps a kernel and its buffers: 1,024 of them held more
    # than a gigabyte, since texts come in many lengths.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
    _keep_memory()


def _keep_memory() -> None:
    """Arrays as long as the catalogue come and go in every step. glibc gives each back to the
    system, and the next one's pages are zeroed anew; kept, they cost nothing."""
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is not None:
        adjust(_MMAP_MAX, 0)
        adjust(_TRIM_THRESHOLD, -1)


def _work(folder: Path) -> int:
    stop = Stop()
    stop.watch()
    # Torch and transformers take seconds to import: a finished job should not wait for them.
    prepare_environment()
    from training.engine.adapters import ADAPTERS
    from training.engine.board import BOARD_FOLDER, Board
    from training.engine.checkpoint import Checkpoints
    from training.engine.job import read_job
    from training.engine.lineage import fingerprint, make_record, read_record, write_record
    from training.engine.progress import Progress
    from training.engine.ranks import Ranks
    from training.engine.tasks.table import TASKS
    from training.engine.text import find_base
    from training.engine.workbench import Workbench, prepare_device

    job = read_job(folder, tasks=tuple(TASKS), methods=tuple(ADAPTERS))
    before = read_record(folder) or {}
    device, fast = prepare_device(job, before.get("threads"))
    record = make_record(job, find_base(job.base_model), device, fast=fast)
    write_record(folder, record)
    task = TASKS[job.task]
    progress = Progress(folder, task.shares, sys.stdout, Board(folder / BOARD_FOLDER))
    checkpoints = Checkpoints(
        folder / CHECKPOINT,
        fingerprint(record),
        lambda name: progress.event("checkpoint.damaged", checkpoint=name),
    )
    ranks = Ranks(0, job.devices)
    try:
        task.run(Workbench(job, progress, checkpoints, stop, device, fast, record, ranks), folder)
        progress.finish()
    except Interrupted:
        return STOPPED
    finally:
        progress.close()
    checkpoints.clear()
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
