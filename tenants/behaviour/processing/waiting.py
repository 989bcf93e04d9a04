"""A file whose work meets a full disk: nothing of it is lost, it waits and says for what."""

import logging
from datetime import timedelta

from django.db import OperationalError

from tenants.behaviour.models import Upload
from tenants.errors import NoRoom, is_full
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.queue import Lease

logger = logging.getLogger(__name__)
# How soon it is tried again.
PAUSE = timedelta(seconds=5)


# What may say so: `is_full` decides.
MAY_BE_FULL = (NoRoom, OSError, OperationalError)


def wait_for_room(lease: Lease, upload: Upload, error: Exception) -> None:
    """Give the work back uncharged; whoever looks at the upload is told, until it goes on. An error
    that tells of no full disk is raised again."""
    if not is_full(error):
        raise error
    logger.error("the disk is full: %s %s waits", lease.kind, lease.object_id)
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        upload.error = {"code": "waits_for_room", "params": {}}
        upload.save(update_fields=["error"])
        queue.give_back(lease, charge=False, wait=PAUSE)


def goes_on(upload: Upload) -> None:
    """Forget that it waited. In the transaction that begins its work."""
    if upload.error:
        upload.error = {}
        upload.save(update_fields=["error"])
