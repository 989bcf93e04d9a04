"""Finds and stops what an earlier run left alive. A process belongs to a run when it carries the
run's mark in its environment or stands, with the time of its start, in the run's records."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

# Every child inherits this variable; its value names the run.
MARK = "ATTUNE_RUN"


@dataclass(frozen=True)
class Record:
    """What is written down of a started process: a pid alone may be somebody else's by now."""

    run: str
    pid: int
    started: int  # in clock ticks since the machine's start
    orphan_signal: int


def run_mark(var: Path, pid: int) -> str:
    """A name that no other run has: the folder, the supervisor and its start."""
    return f"{run_prefix(var)}{pid}:{started(pid)}"


def run_prefix(var: Path) -> str:
    """What the marks of all runs in one folder begin with."""
    return f"{var}:"


def started(pid: int) -> int | None:
    """When a live process started (clock ticks since boot); None for a dead one or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def write_record(path: Path, *, run: str, pid: int, orphan_signal: int) -> None:
    """Notes a process just started in `path`."""
    ticks = started(pid)
    if ticks is not None:
        path.write_text(json.dumps(asdict(Record(run, pid, ticks, orphan_signal))))


def stop_leftovers(run_folder: Path, *, mark: str, patience: float = 3.0) -> list[int]:
    """Stops every process whose run begins with `mark`; returns their pids, [] when none lived.

    Each gets its orphan signal (SIGTERM where none is recorded), and SIGKILL after `patience`
    seconds.
    """
    found = dict.fromkeys(_marked(mark), signal.SIGTERM) | _recorded(run_folder, mark)
    for pid, kind in found.items():
        _send(pid, kind)
    deadline = time.monotonic() + patience
    while any(started(pid) for pid in found) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in found:
        if started(pid) is not None:
            _send(pid, signal.SIGKILL)
    return sorted(found)


def _marked(mark: str) -> Iterator[int]:
    needle = f"\0{MARK}={mark}".encode()
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            environment = Path(f"/proc/{entry}/environ").read_bytes()
        except (PermissionError, FileNotFoundError, ProcessLookupError):
            continue
        if needle in b"\0" + environment:
            yield int(entry)


def _recorded(run_folder: Path, mark: str) -> dict[int, signal.Signals]:
    found = {}
    for path in run_folder.glob("*.pid"):
        try:
            record = Record(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            continue
        if record.run.startswith(mark) and started(record.pid) == record.started:
            found[record.pid] = signal.Signals(record.orphan_signal)
    return found


def _send(pid: int, kind: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, kind)
