"""Starts the other ranks of a run, and lets all of them end together: the one that leads is the
process that was started and is watched, so it alone is asked to stop, and ends as the first of the
others did that ended badly.

They live only while the loops train: what comes before and behind is the leader's alone.
"""

import logging
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from training.engine.ranks import Parted
from training.engine.workbench import Workbench

MEETING_FILE = ".ranks"
READY = b"ready\n"
# A rank that ended because another one was gone; that one's end is the one to tell.
BEREFT = 78
_LOOK_SECONDS = 0.2
_PEACE_SECONDS = 30.0  # that a rank gets to end after the last step
_NEWS_SECONDS = 2.0  # after which whoever has ended badly is known

log = logging.getLogger(__name__)
Process = subprocess.Popen[bytes]


@contextmanager
def together(bench: Workbench, folder: Path) -> Iterator[None]:
    """On the rank that leads: the others are there and have joined.

    Whatever ends this ends them; they hold nothing that is not kept here too.
    """
    if bench.ranks.size == 1:
        yield
        return
    (folder / MEETING_FILE).unlink(missing_ok=True)
    others = [_start(folder, rank) for rank in range(1, bench.ranks.size)]
    over = threading.Event()
    threading.Thread(target=_watch, args=(others, over), daemon=True).start()
    try:
        _await_ready(bench, others)
        bench.ranks.join(folder / MEETING_FILE, bench.device)
        yield
        over.set()  # the last sum is taken: how the others end now changes nothing
        bench.ranks.leave()
        _await_end(others)
    except Parted:
        _end_as(others)
        raise
    finally:
        over.set()
        _kill(others)
        (folder / MEETING_FILE).unlink(missing_ok=True)


@contextmanager
def joined(bench: Workbench, folder: Path) -> Iterator[None]:
    """On every other rank: say that it is ready, and join."""
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    bench.ranks.join(folder / MEETING_FILE, bench.device)
    yield
    bench.ranks.leave()


def _start(folder: Path, rank: int) -> Process:
    """In the leader's process group, so that whoever kills the group kills all of them."""
    words = [sys.executable, "-m", "training.engine.follow", str(folder), str(rank)]
    return subprocess.Popen(  # nosec B603 # words of our own, no shell
        [*words, str(os.getpid())], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )


def _await_ready(bench: Workbench, others: Sequence[Process]) -> None:
    """Until each has loaded what it needs; Interrupted when the run is asked to stop meanwhile."""
    with selectors.DefaultSelector() as selector:
        for process in others:
            if process.stdout is not None:
                selector.register(process.stdout, selectors.EVENT_READ)
        while selector.get_map():
            bench.stop.check()
            # It is ready, or has ended: what follows from that is seen elsewhere.
            for key, _ in selector.select(_LOOK_SECONDS):
                selector.unregister(key.fileobj)


def _await_end(others: Sequence[Process]) -> None:
    deadline = time.monotonic() + _PEACE_SECONDS
    for process in others:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("rank of process %s did not end by itself", process.pid)


def _watch(others: Sequence[Process], over: threading.Event) -> None:
    """End with a rank that ends badly: NCCL would wait for it, and so would whoever measures."""
    while not over.wait(_LOOK_SECONDS):
        if any(process.poll() for process in others) and not over.is_set():
            _end_as(others)


def _end_as(others: Sequence[Process]) -> None:
    """End this process and the others as the first of them did that ended badly by itself; return
    when none has."""
    deadline = time.monotonic() + _NEWS_SECONDS
    while not (bad := _ended_badly(others)) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    status = bad or next((p.returncode for p in others if p.poll()), 0)
    if not status:
        return
    log.error("a rank of the run ended with %s; so do the others", status)
    _kill(others)
    if status < 0:
        if -status not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def _ended_badly(others: Sequence[Process]) -> int:
    """The exit status of a rank that ended badly for a reason of its own, or 0."""
    ends = [process.poll() for process in others]
    return next((status for status in ends if status and status != BEREFT), 0)


def _kill(others: Sequence[Process]) -> None:
    for process in others:
        if process.poll() is None:
            process.kill()
            process.wait()
