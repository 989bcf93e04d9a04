"""The step of a Celery worker that keeps its device in the fleet's table while the worker lives.

It runs beside the pool, so that a worker whose slots are all taken is seen as well as an idle one.
"""

import logging
import subprocess
from typing import Any

from celery import bootsteps
from django.conf import settings
from django.db import Error, connection

from training.jobs import devices

logger = logging.getLogger(__name__)


class Presence(bootsteps.StartStopStep):
    """Tells of the worker when it starts and every few seconds; takes its row away at its end."""

    requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._repeated: Any = None

    def include_if(self, parent: Any) -> bool:
        """Workers that serve the queue of jobs, no others."""
        return settings.WORK_KINDS["job"].queue in parent.app.amqp.queues.consume_from

    def start(self, parent: Any) -> None:
        self._tell(parent)
        self._repeated = parent.timer.call_repeatedly(devices.TELL_SECONDS, self._tell, (parent,))

    def stop(self, parent: Any) -> None:
        if self._repeated is not None:
            self._repeated.cancel()
        self._reach(lambda: devices.leave(parent.hostname))

    def _tell(self, parent: Any) -> None:
        self._reach(lambda: devices.tell(parent.hostname, parent.concurrency))

    def _reach(self, write: Any) -> None:
        """The worker works on where this fails: it is missed on a page, nothing else."""
        try:
            write()
        except (Error, OSError, ValueError, subprocess.SubprocessError):
            logger.exception("the fleet was not told of this worker")
        finally:
            connection.close()
