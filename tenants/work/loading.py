"""Steps of a Celery worker before it works: one that gives way to whoever answers people, and one
that loads what its queues run, before it forks its processes: each would do so by itself, at its
first work, and keep a copy.
"""

import os
from typing import Any

from celery import bootsteps
from django.conf import settings
from django.utils.module_loading import import_string

from tenants.work.streams import STREAMS

NICENESS = 10


class Loading(bootsteps.Step):
    """Steps are created before any is started, and it is the start of the pool that forks."""

    def create(self, parent: Any) -> None:
        for dotted in run_by(set(parent.app.amqp.queues.consume_from)):
            import_string(dotted)


class GivingWay(bootsteps.Step):
    """What was acknowledged can wait a moment: the worker of streams leaves the processors to
    whoever answers, and takes what is left over."""

    def create(self, parent: Any) -> None:
        if set(parent.app.amqp.queues.consume_from) == {STREAMS}:
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


def run_by(queues: set[str]) -> list[str]:
    """Dotted names of all functions that a worker of these queues runs."""
    found = [kind.run for kind in settings.WORK_KINDS.values() if kind.queue in queues]
    if settings.CELERY_TASK_DEFAULT_QUEUE in queues:
        found += settings.TENANT_DUTIES
    return found
