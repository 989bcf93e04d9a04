"""One more rank of a run: `python -m training.engine.follow FOLDER RANK LEADER_PID`.

Started by the rank that leads, trains along, writes nothing but the reason why it cannot. Exit
codes are those of `run`; 78 when another rank was gone.
"""

import ctypes
import logging
import os
import signal
import sys
from pathlib import Path

from training.engine.run import CHECKPOINT, DONE, guarded, prepare_environment

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Follow as the arguments say. Returns the exit code."""
    folder, rank, leader = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    _tie(leader)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    return guarded(folder, lambda: _follow(folder, rank))


def _tie(leader: int) -> None:
    """Die with the leader. A stop that is asked of the whole group is the leader's to obey."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.getppid() != leader:
        sys.exit(DONE)  # it died before the tie was made


def _follow(folder: Path, rank: int) -> int:
    prepare_environment()
    from training.engine.adapters import ADAPTERS
    from training.engine.checkpoint import BorrowedCheckpoints
    from training.engine.following import BEREFT
    from training.engine.job import read_job
    from training.engine.lineage import fingerprint, read_record
    from training.engine.progress import Unheard
    from training.engine.ranks import Parted, Ranks
    from training.engine.stopping import Stop
    from training.engine.tasks.table import TASKS
    from training.engine.workbench import Workbench, prepare_device

    job = read_job(folder, tasks=tuple(TASKS), methods=tuple(ADAPTERS))
    record = read_record(folder) or {}
    device, fast = prepare_device(job, record.get("threads"), rank)
    checkpoints = BorrowedCheckpoints(folder / CHECKPOINT, fingerprint(record))
    ranks = Ranks(rank, job.devices)
    bench = Workbench(job, Unheard(), checkpoints, Stop(), device, fast, record, ranks)
    try:
        TASKS[job.task].follow(bench, folder)
    except Parted:
        return BEREFT
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
