"""The Celery application: queues `default` and `gpu`; a message only says "look now"."""

import logging
import logging.config
import os
from typing import Any

from celery import Celery
from celery.app.log import Logging
from celery.utils.log import mlevel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attune.settings")
# `set_up` and `check` ask what an installation can get wrong; here it would load every page.
os.environ.setdefault("CELERY_SKIP_CHECKS", "yes")


class OneLog(Logging):
    """Workers log as the settings say, masked; Celery would add handlers of its own form."""

    def setup_logging_subsystem(self, loglevel: Any = None, *options: Any, **more: Any) -> None:
        from django.conf import settings

        if not self.already_setup:
            logging.config.dictConfig(settings.LOGGING)
            logging.getLogger().setLevel(mlevel(loglevel or self.loglevel))
            Logging._setup = True  # type: ignore[attr-defined]


class Attune(Celery):
    """Celery with the log of the house."""

    log_cls = "attune.celery:OneLog"


app = Attune("attune")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("tenants.work.loading:GivingWay")
app.steps["worker"].add("tenants.work.loading:Loading")
app.steps["worker"].add("training.jobs.presence:Presence")
app.steps["worker"].add("training.jobs.machine_sweeping:Sweeper")
