"""One holder at a time, by a lock that the kernel drops when its holder dies."""

import fcntl
import os
from pathlib import Path


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock until it is closed, or None when another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
