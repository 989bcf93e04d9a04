"""What a process of the web server does once, before it answers: ties itself to its server, forgets
secrets, settles its memory. Nothing where something else loads the application, as a test does.
"""

import ctypes
import gc
import os
import signal
import sys
from multiprocessing import parent_process

_PR_SET_PDEATHSIG = 1
_ORPHANED = 74
# The settings are read. The server hands a copy of the process's environment to every request,
# beside the request's headers: nothing that shows those may show these.
_FORGOTTEN = (
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "ATTUNE_MASTER_KEY",
    "ATTUNE_MASTER_KEY_PREVIOUS",
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
)


def begin() -> None:
    """Before the application is loaded: end when the server does, and at once when it says so.

    What the server forks has its handlers, which do nothing there: until the process has its own,
    which it gets when it is loaded, a signal to stop would be lost.
    """
    server = parent_process()
    if server is None:
        return
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, signal.SIG_DFL)
    # The kernel kills it when the server is gone (prctl(2)): a process that outlived it would go on
    # taking requests from the port.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server.pid:
        sys.exit(_ORPHANED)  # it died before the tie was made


def settle() -> None:
    """When the application is loaded: forget secrets, settle memory."""
    if parent_process() is None:
        return
    for name in _FORGOTTEN:
        os.environ.pop(name, None)
    _look_at_connections_without_asking()
    _settle_memory()


def _look_at_connections_without_asking() -> None:
    """`ThreadConnections` sees a closed connection by itself: Django's question before each request
    would be a round trip more.
    """
    from django.db import connections  # not above: `begin` comes before Django is imported

    for settings in connections.settings.values():
        settings["CONN_HEALTH_CHECKS"] = False


def _settle_memory() -> None:
    """Load what the first requests would, then leave it out of every garbage collection.

    Full collections of all that Django and the engine's libraries hold stopped every thread of a
    process for 70 to 140 ms while it answered; with this none took more than 30 ms. What answers
    leave behind is freed by counting references; circles are few, so they are looked for later.
    """
    from django.urls import get_resolver  # not above: `begin` comes before Django is imported

    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 10, 10)
