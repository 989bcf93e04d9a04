"""Engine runs without the seconds that importing torch takes: forks of one process that has it.

That process trains nothing itself, so that no run inherits threads or seeds. What the first start
in a fresh interpreter does is shown by the fixture `finished`, whose weights these runs must meet;
what that of another rank does, by the job on two devices in tests/training/jobs.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import BinaryIO

from training.engine import follow, following, run

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
    devices = json.loads((folder / "job.json").read_text())["params"].get("devices", 1)
    others = {rank: Other(folder, rank) for rank in range(1, devices)}
    following._start = lambda _, rank: others[rank].begin()  # type: ignore[assignment,return-value]
    sys.exit(run.main([str(folder)]))


class Other:
    """Another rank: forked before its leader has threads, and held until that one starts it. Shows
    itself as what subprocess starts does.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        told, self._tell = _FORKED.Pipe(duplex=False)
        reads, writes = os.pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_follow,
            args=(told, self._tell, writes, folder, rank, os.getpid()),
            daemon=True,
        )
        self._process.start()
        told.close()
        os.close(writes)
        self.stdout: BinaryIO = os.fdopen(reads, "rb")

    def begin(self) -> "Other":
        self._tell.send(None)
        return self

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, seconds: float | None = None) -> int:
        self._process.join(seconds)
        if (status := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired("follow", seconds or 0)
        return status

    def kill(self) -> None:
        self._process.kill()


def _follow(
    told: Connection, tell: Connection, writes: int, folder: Path, rank: int, leader: int
) -> None:
    tell.close()
    os.dup2(writes, 1)
    try:
        told.recv()
    except EOFError:  # the leader ended first
        return
    sys.exit(follow.main([str(folder), str(rank), str(leader)]))
