"""Copies of checkpoints at a place outside, which whoever runs this installation cannot rewrite.

A tenant chooses among the places that the installation names (CHECKPOINT_PLACES), never an
address: no tenant makes the server write where it likes, or call what only it can reach.
"""

import logging
from typing import Any
from uuid import UUID

import rfc8785
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from fsspec.core import url_to_fs

from tenants.audit.actor import Actor
from tenants.audit.checkpoints import line_of
from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditCheckpoint, CheckpointPlace
from tenants.audit.record import record
from tenants.errors import AppError
from tenants.ids import public_id
from tenants.isolation.scope import current_tenant, tenant_scope

logger = logging.getLogger(__name__)
BATCH = 200


@transaction.atomic
def choose_place(*, name: str, actor: Actor) -> CheckpointPlace | None:
    """From now on copies go there, those of all earlier checkpoints too; "" ends it.

    AppError unknown_place.
    """
    if name and name not in settings.CHECKPOINT_PLACES:
        raise AppError("unknown_place", "Choose one of the offered places.", param="place")
    CheckpointPlace.objects.all().delete()
    made = CheckpointPlace.objects.create(name=name) if name else None
    record(
        AuditEvent.CHECKPOINT_PLACE_SET,
        actor=actor,
        object_id=public_id("tenant", current_tenant()),
        details={"place": name},
    )
    return made


def copy(tenant_id: UUID) -> int:
    """Periodic duty: bring checkpoints that are not there yet to the tenant's place; how many."""
    with tenant_scope(tenant_id):
        place = CheckpointPlace.objects.first()
        if place is None or place.name not in settings.CHECKPOINT_PLACES:
            return 0
        due = AuditCheckpoint.objects.filter(size__gt=place.copied).order_by("size")
        lines = [(one.size, rfc8785.dumps(line_of(one))) for one in due[:BATCH]]
    copied, error = place.copied, ""
    try:
        for size, content in lines:
            _write(settings.CHECKPOINT_PLACES[place.name], tenant_id, size, content)
            copied = size
    except _OtherThere:
        error = "copy_differs"
    except Exception:  # each store has errors of its own; the next minute tries again
        logger.exception("checkpoints of %s were not copied", tenant_id)
        error = "place_unreachable"
    if lines:
        with tenant_scope(tenant_id):
            CheckpointPlace.objects.filter(pk=place.pk).update(
                copied=copied, copied_at=Now(), error=error
            )
    return sum(size <= copied for size, _ in lines)


class _OtherThere(Exception):
    """Another checkpoint of this size lies there already. It is not overwritten."""


def _write(address: str, tenant_id: UUID, size: int, content: bytes) -> None:
    """Not every store writes a file whole or not at all: what is only the beginning of ours was
    cut short by a kill or a full disk, says nothing against us, and is written again."""
    system, root = url_to_fs(address, use_listings_cache=False)
    folder = f"{root.rstrip('/')}/{tenant_id}"
    path = f"{folder}/checkpoint-{size:012d}.json"
    system.makedirs(folder, exist_ok=True)
    try:
        system.pipe_file(path, content, mode="create")
    except FileExistsError:
        there: Any = system.cat_file(path)
        if not content.startswith(there):
            raise _OtherThere from None
        if there != content:
            system.pipe_file(path, content)
