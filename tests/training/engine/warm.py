"""Engine runs without the seconds that importing torch takes: forks of one process that has it.

That process trains nothing itself, so that no run inherits threads or seeds. What the first start
in a fresh interpreter does is shown by the fixture `finished`, whose weights these runs must meet.
"""

import multiprocessing
import os
import signal
import sys
from pathlib import Path

from training.engine import run

_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(
    ["training.engine.adapters", "training.engine.tasks", "training.engine.workbench"]
)


class Run:
    """One run of a job folder in a process of its own, which signals reach as in production."""

    def __init__(self, folder: Path) -> None:
        self._process = _FORKED.Process(target=_run, args=(folder,))
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self) -> int:
        self._process.join(120)
        status = self._process.exitcode
        assert status is not None, "the engine hangs"
        return status

    def send_signal(self, kind: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, kind)

    def kill(self) -> None:
        self._process.kill()


def _run(folder: Path) -> None:
    with (folder / "stderr.txt").open("ab") as file, open(os.devnull, "wb") as nowhere:
        os.dup2(file.fileno(), 2)
        os.dup2(nowhere.fileno(), 1)
    sys.exit(run.main([str(folder)]))
