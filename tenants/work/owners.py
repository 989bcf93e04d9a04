"""Who holds a lease: a process, named so that its neighbours on the same machine see its death.

Of a process on another machine, or in another container, nothing is said but its name.
"""

import functools
import os
import socket
from pathlib import Path

_BOOT, _NAMESPACE = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


def this_worker() -> str:
    """The name under which this process holds its leases."""
    return f"{_place()}:{os.getpid()}"


def is_gone(owner: str) -> bool:
    """Whether the process of that name certainly lives no more: it was one of this place, and its
    number is free."""
    place, _, number = owner.rpartition(":")
    if place != _place() or not number.isdigit() or not _is_told_apart():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, and is somebody else's
        pass
    return False


@functools.cache
def _place() -> str:
    """Where process numbers mean the same processes. Machines and containers may share a host's
    name, and then they still differ in this."""
    host = socket.gethostname()
    if not _is_told_apart():
        return host
    return f"{host}/{_BOOT.read_text().strip()[:8]}/{_NAMESPACE.stat().st_ino}"


def _is_told_apart() -> bool:
    return _BOOT.is_file() and _NAMESPACE.exists()
