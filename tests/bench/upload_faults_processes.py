"""The processes of the running product: found, killed, stopped, weighed. Asks /proc alone."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from launcher.ports import HOST

VAR = Path(os.environ["ATTUNE_VAR"])
SUPERVISOR = int(os.environ["FAULTS_SUPERVISOR"])
PATIENCE = 120.0


def pid_of(name: str) -> int:
    """Of a process in the launcher's table; waits while it is being started."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            return int(json.loads((VAR / "run" / f"{name}.pid").read_text())["pid"])
        except (OSError, ValueError):
            time.sleep(0.05)
    raise SystemExit(f"{name} does not run")


def tree(root: int) -> list[int]:
    """A process and all that stand below it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        try:
            parents[int(entry.name)] = int(
                (entry / "stat").read_text().rpartition(")")[2].split()[1]
            )
        except (OSError, ValueError):
            continue
    found = [root]
    for one in found:
        found += [pid for pid, parent in parents.items() if parent == one]
    return found


def kill(name: str) -> None:
    """SIGKILL, and wait until the launcher has started another one in its place."""
    before = pid_of(name)
    os.kill(before, signal.SIGKILL)
    while pid_of(name) == before:
        time.sleep(0.02)


def wait_for_web() -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        held = HTTPConnection(HOST, int(os.environ["ATTUNE_PORT"]), timeout=5)
        try:
            held.request("GET", "/healthz")
            if held.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.1)
        finally:
            held.close()
    raise SystemExit("the web server did not come back")


@contextmanager
def database_gone() -> Iterator[None]:
    """PostgreSQL is shut down, and who would start it again at once is kept from it meanwhile."""
    server = int((VAR / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(SUPERVISOR, signal.SIGSTOP)
    try:
        os.kill(server, signal.SIGINT)
        yield
    finally:
        os.kill(SUPERVISOR, signal.SIGCONT)


@contextmanager
def database_frozen() -> Iterator[None]:
    """PostgreSQL takes connections and says nothing any more, as on a disk that hangs."""
    server = int((VAR / "postgres" / "postmaster.pid").read_text().split()[0])
    frozen = tree(server)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(frozen):
            os.kill(pid, signal.SIGCONT)


class Memory:
    """The most that a process and all below it take inside the block: what each has of its own, and
    its share of what several have (proportional set size)."""

    def __init__(self, name: str) -> None:
        self.name, self.most_mb = name, 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.1):
            taken = sum(map(_pss_kb, tree(pid_of(self.name))))
            self.most_mb = max(self.most_mb, taken / 1024)


def _pss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
