"""What a process of a run is, and how one is started so that it cannot outlive its supervisor.
Knows nothing about restarting."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from typing import IO

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _nothing() -> None:
    """Most processes need no preparation."""


@dataclass(frozen=True)
class Process:
    """One line of the process table."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    stop_signal: Signals = Signals.SIGTERM
    grace: float = 10.0  # seconds between the stop signal and SIGKILL
    orphan_signal: Signals = Signals.SIGKILL  # what it gets when its supervisor is gone
    prepare: Callable[[], None] = _nothing  # runs before each start
    service: bool = False  # the others use it: it stops when they have
    terminal: bool = False  # shares the supervisor's terminal and process group


def spawn(
    process: Process, *, env: Mapping[str, str], cwd: Path, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Starts `process`: in its own session with its output in `log`, or on the terminal.

    The kernel sends it `orphan_signal` when the calling thread ends (prctl(2), PR_SET_PDEATHSIG).
    """
    parent = os.getpid()

    def before_exec() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(process.orphan_signal))
        if os.getppid() != parent:
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    return subprocess.Popen(  # nosec B603 # words of our own, no shell
        process.argv,
        env=dict(env),
        cwd=cwd,
        stdin=None if process.terminal else subprocess.DEVNULL,
        stdout=None if process.terminal else log,
        stderr=None if process.terminal else subprocess.STDOUT,
        start_new_session=not process.terminal,
        preexec_fn=before_exec,  # safe: the launcher has one thread
    )


def signal_whole(process: Process, pid: int, kind: Signals) -> None:
    """Sends `kind` to the process and its group; to itself alone where the group is ours."""
    send = os.kill if process.terminal else os.killpg
    with suppress(ProcessLookupError):
        send(pid, kind)
