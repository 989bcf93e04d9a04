"""A web thread's database connections: looked at before each request, closed when the thread ends.

Django would ask the database `SELECT 1` before each request to know that a kept connection still
works. One that the server has closed can be read from, which the kernel tells without a question.

The web server ends threads that had nothing to do for a while. Django leaves their connections to
the garbage collection, which may come late: until then each would hold a place in the database.
"""

import select
from collections.abc import Callable, Iterable
from threading import local
from typing import Any

from django.db import connections

from tenants.access.door import Application, Environ


class ThreadConnections:
    """Wraps the application. One per process; safe with threads."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._kept = local()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not hasattr(self._kept, "connections"):
            self._kept.connections = _Connections()
        self._kept.connections.drop_dead()
        return self._application(environ, start_response)


class _Connections:
    """Those of the thread that makes it. Dies with the thread, and in it."""

    def __init__(self) -> None:
        self._all = connections.all()

    def drop_dead(self) -> None:
        """Close those that the server has closed: Django opens them again when they are needed.

        Nothing is under way between two requests, so anything to be read is the server's farewell,
        or a notice that nobody waits for.
        """
        for connection in self._all:
            held = connection.connection
            if held is not None and (held.closed or _can_be_read(held.fileno())):
                connection.close()

    def __del__(self) -> None:
        for connection in self._all:
            connection.close()


def _can_be_read(file: int) -> bool:
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(0))
