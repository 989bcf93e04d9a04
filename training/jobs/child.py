"""The first breath of a training process: start it apart, tie it to its supervisor, then become the
engine.

Runs without Django. `python -m training.jobs.child FOLDER SUPERVISOR_PID`.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
ORPHANED, OCCUPIED = 74, 73
KEPT = (
    "PATH", "HOME", "LANG", "CUDA_VISIBLE_DEVICES", "HF_HOME", "TMPDIR", "ATTUNE_SAVE_EVERY",
)  # fmt: skip


def start(folder: Path, **more: str) -> subprocess.Popen[bytes]:
    """The engine in a session of its own, with no secret in its environment; `more` is added to
    it."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", **more}
    with (folder / "engine.log").open("ab") as log:
        return subprocess.Popen(  # nosec B603 # words of our own, no shell
            [sys.executable, "-m", "training.jobs.child", str(folder), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
            start_new_session=True,
        )


def is_occupied(folder: Path) -> bool:
    """Whether an engine lives in the folder."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def main(folder: Path, supervisor: int) -> None:
    """Die with the supervisor (SIGTERM: the engine checkpoints), never run twice in a folder."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != supervisor:
        sys.exit(ORPHANED)  # it died before the tie was made
    # The lock lives as long as the engine: the descriptor survives exec, and dies with it.
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(OCCUPIED)
    engine = [sys.executable, "-m", "training.engine.run", str(folder)]
    os.execv(sys.executable, engine)  # nosec B606 # words of our own, and no shell is the point


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
