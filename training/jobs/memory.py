"""What the machine says about its memory: how much a process may take, and whom it has killed.

Reads Linux' own files; where they are missing nothing is claimed.
"""

from pathlib import Path

# A process that was killed holding so much of what there is was most likely killed for it.
NEARLY_ALL = 0.8
GROUPS = Path("/sys/fs/cgroup")
LIMITS = ("memory.max", "memory/memory.limit_in_bytes")


def room_mb() -> float | None:
    """What this process' group may take, or the machine has; None where nobody says."""
    found = [_limit(GROUPS / name) for name in LIMITS] + [_total(Path("/proc/meminfo"))]
    known = [size for size in found if size]
    return min(known) / 1e6 if known else None


def nearly_all(rss_mb: float) -> bool:
    """Whether so much resident memory is nearly all that may be taken."""
    room = room_mb()
    return room is not None and rss_mb >= NEARLY_ALL * room


def kills() -> int:
    """How often the kernel has killed a process of this group for want of memory; it only grows."""
    for line in _lines(GROUPS / "memory.events"):
        name, _, number = line.partition(" ")
        if name == "oom_kill":
            return int(number)
    return 0


def _limit(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def _total(path: Path) -> int | None:
    for line in _lines(path):
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
