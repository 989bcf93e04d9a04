"""The database that is away for a while: told of in one line, and whoever waits comes again.

What is not done meanwhile stands in rows, which beat looks at again in a few seconds.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)
LOST = (OperationalError, InterfaceError)


def is_away(error: BaseException) -> bool:
    """Whether it is the error of a connection that was lost or never made, and not of a question.

    Not inside a transaction: one that failed answers no question either.
    """
    if not isinstance(error, LOST):
        return False
    return connection.connection is None or not connection.is_usable()


@contextmanager
def passed_over(what: str) -> Iterator[None]:
    """A round of periodic work, which is left out while the database is away."""
    try:
        yield
    except LOST as error:
        if not is_away(error):
            raise
        logger.warning("the database is away: %s waits for the next round", what)
