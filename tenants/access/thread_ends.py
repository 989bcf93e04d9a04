"""Closes a thread's database connections when the thread ends.

The web server ends threads that had nothing to do for a while. Django leaves their connections to
the garbage collection, which may come late: until then each would hold a place in the database.
"""

from collections.abc import Callable, Iterable
from threading import local
from typing import Any

from django.db import connections

from tenants.access.door import Application, Environ


class ThreadEnds:
    """Wraps the application. One per process; safe with threads."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._kept = local()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not hasattr(self._kept, "connections"):
            self._kept.connections = _Connections()
        return self._application(environ, start_response)


class _Connections:
    """Those of the thread that makes it. Dies with the thread, and in it."""

    def __init__(self) -> None:
        self._all = connections.all()

    def __del__(self) -> None:
        for connection in self._all:
            connection.close()
