"""No answer before the ledger of erasures was compared with the database, however late that is."""

import logging
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from tenants.access.door import Application, Environ, refuse
from tenants.erasure.ledger import LedgerDamaged
from tenants.erasure.replaying import replay_before_serving
from tenants.errors import Unavailable
from tenants.isolation.depot import StoreUnreachable

logger = logging.getLogger(__name__)


class AfterReplay:
    """Wraps the application, behind the door. One per process; safe with threads.

    `compared`: it was done when the process started. Else each request tries, one at a time, and
    is refused until one has done it: the database was away, and an older one may come back.
    """

    def __init__(self, application: Application, *, compared: bool) -> None:
        self._application = application
        self._compared = compared
        self._trying = Lock()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not self._compared and not self._compare():
            return refuse(environ, start_response, Unavailable())
        return self._application(environ, start_response)

    def _compare(self) -> bool:
        if not self._trying.acquire(blocking=False):
            return False
        try:
            self._compared = self._compared or replay_before_serving()
        except (LedgerDamaged, StoreUnreachable):
            logger.exception("nobody is answered: the ledger of erasures cannot be read")
        finally:
            self._trying.release()
        return self._compared
