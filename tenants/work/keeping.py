"""Keeps a lease while files travel, which may take longer than that."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import Error, connection

from tenants.work import queue
from tenants.work.away import is_away
from tenants.work.queue import Lease, LeaseLost

logger = logging.getLogger(__name__)
RENEW_SECONDS = 5.0


@contextmanager
def kept_alive(lease: Lease, each: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Renew the lease beside the block, and call `each` then, in a thread of its own. Must not
    stand inside a transaction that holds the lease: the two would wait for each other."""
    done = Event()
    thread = Thread(target=_renew, args=(lease, done, each), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renew(lease: Lease, done: Event, each: Callable[[], None]) -> None:
    try:
        while not done.wait(RENEW_SECONDS):
            try:
                queue.renew(lease)
                each()
            except Error as error:  # the next time, on a new connection
                if is_away(error):
                    logger.warning("the database is away: %s is not renewed", lease.object_id)
                else:
                    logger.exception("the lease of %s was not renewed", lease.object_id)
                connection.close()
    except LeaseLost:
        return  # whoever moves the files meets it at the next write
    finally:
        connection.close()
