"""What a process of the web server does once, before it answers: ends with its server, forgets
secrets, settles its memory. Not where the application is loaded by something else, as by a test.
"""

import ctypes
import gc
import os
import signal
import sys
from multiprocessing import parent_process

from django.urls import get_resolver

_PR_SET_PDEATHSIG = 1
_ORPHANED = 74
# The settings are read. The server hands a copy of the process's environment to every request,
# beside the request's headers: nothing that shows those may show these.
_FORGOTTEN = (
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "ATTUNE_MASTER_KEY",
    "DATABASE_URL",
    "REDIS_URL",
)


def settle() -> None:
    """Do so if this process is one of the server's; it was forked and has loaded the settings."""
    server = parent_process()
    if server is None:
        return
    _end_with(server.pid)
    for name in _FORGOTTEN:
        os.environ.pop(name, None)
    _settle_memory()


def _end_with(server: int | None) -> None:
    """The kernel kills this process when its server is gone (prctl(2)): a worker that outlived it
    would keep taking requests from the port.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:
        sys.exit(_ORPHANED)  # it died before the tie was made


def _settle_memory() -> None:
    """Load what the first requests would, then leave it out of every garbage collection.

    Full collections of all that Django and the engine's libraries hold stopped every thread of a
    process for 70 to 140 ms while it answered; with this none took more than 30 ms. What answers
    leave behind is freed by counting references; circles are few, so they are looked for later.
    """
    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 10, 10)
