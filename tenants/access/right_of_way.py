"""Who was just refused for asking too often lets every other tenant go first, in all processes.

A turn (`turns.py`) is of one process; the processors belong to all of them. A request of a tenant
within its limits holds a file's shared lock while it is answered. One of a tenant above its limits
looks at that lock before each of its steps, and waits while anybody holds it, but never for long.
The kernel keeps the lock (flock(2)): a process that dies gives way.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

# Seconds that one request waits for others at most: it gets an answer, if a later one.
PATIENCE = 0.25
# Seconds between two looks: about an answer long. Each look interrupts whoever computes meanwhile.
PAUSE = 0.008


@dataclass(frozen=True)
class RightOfWay:
    """`path`: the file that all web processes of a machine share."""

    path: Path

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Go, and let whoever has to give way see it."""
        with self._opened() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    @contextmanager
    def given(self) -> Iterator["GivingWay"]:
        """What gives way to everybody until it has waited PATIENCE in all."""
        with self._opened() as lock:
            yield GivingWay(lock)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        lock = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield lock
        finally:
            os.close(lock)  # and with it the lock


@dataclass
class GivingWay:
    """One request that lets others go first. `left`: seconds that it may still wait."""

    lock: int
    left: float = PATIENCE

    def must_wait(self) -> bool:
        """Whether anybody goes who comes first."""
        if self.left <= 0:
            return False
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self.lock, fcntl.LOCK_UN)
        return False

    def wait(self) -> None:
        """Until nobody goes, or the patience is over."""
        while self.must_wait():
            time.sleep(PAUSE)
            self.left -= PAUSE


RIGHT_OF_WAY = RightOfWay(settings.VAR / "right-of-way")
