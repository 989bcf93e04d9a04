"""Accepting an upload: checked, stored encrypted, queued."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from tenants.access.rights import Right
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.arriving import vault
from tenants.behaviour.columns.options import UploadOptions, check_type
from tenants.behaviour.models import Upload
from tenants.behaviour.types.event_types import stored_types
from tenants.errors import AppError
from tenants.ids import uuid7
from tenants.isolation.scope import current_tenant
from tenants.metering.meters import EVENTS, UPLOADED
from tenants.metering.queries import check_month
from tenants.metering.record import count
from tenants.metering.storage import check_storage
from tenants.work.queue import enqueue

NAME_LENGTH = 200
# A key that may send events must not thereby be able to grant consent.
RIGHT_TO_UPLOAD = {
    Upload.EVENTS: Right.WRITE_EVENTS,
    Upload.ITEMS: Right.WRITE_EVENTS,
    Upload.CONSENTS: Right.WRITE_CONSENTS,
}


@transaction.atomic
def accept_upload(
    *,
    kind: str,
    name: str,
    chunks: Iterable[bytes],
    actor: Actor,
    mapping: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    ask: str = "",
) -> Upload:
    """Keep a file and promise its processing. Raises UploadRefused on a bad option, TooMany
    when the month's events are used up, AppError (`storage_full`) when the files have no room.

    `ask` is what comes before: MAPPING, DRY_RUN or nothing. `chunks` are the file's bytes; nothing
    is kept when any part of this fails.
    """
    check_order(kind, options)
    upload_id, tenant_id = uuid7(), current_tenant()
    size, digest = vault.store(tenant_id, upload_id, chunks)
    try:
        if size == 0:
            raise AppError("empty_file", "The file is empty. Choose another one.", param="file")
        check_storage()
        upload = Upload.objects.create(
            id=upload_id,
            kind=kind,
            name=name[:NAME_LENGTH],
            bytes=size,
            sha256=digest,
            options=ordered(mapping, options, ask),
            state=Upload.LOOKING if ask else Upload.RECEIVED,
            actor_ref=actor.ref,
        )
        promise(upload)
        record(
            AuditEvent.UPLOAD_ACCEPTED,
            actor=actor,
            object_id=upload.public_id,
            details={"kind": kind, "bytes": size, "sha256": digest.hex()},
        )
        count(UPLOADED, size)
    except BaseException:
        vault.destroy(tenant_id, upload_id)
        raise
    return upload


# What may be asked of a file before it is processed: how it is read, or what would become of it.
MAPPING, DRY_RUN = "mapping", "dry_run"


def ordered(
    mapping: Mapping[str, str] | None, options: Mapping[str, Any] | None, ask: str
) -> dict[str, Any]:
    """How an upload was ordered, as its row keeps it."""
    order: dict[str, Any] = {"mapping": dict(mapping or {}), "options": dict(options or {})}
    return {**order, "ask": ask} if ask else order


def promise(upload: Upload) -> None:
    """Queue what comes next of a file: it is looked into, checked or processed."""
    work = {Upload.LOOKING: "look", Upload.CHECKING: "dry_run", Upload.RECEIVED: "upload"}
    enqueue(work[upload.state], tenant_id=upload.tenant_id, object_id=upload.id)


def check_order(kind: str, options: Mapping[str, Any] | None) -> None:
    """What can be refused of an upload before any byte of it came; raises as `accept_upload`."""
    if kind not in Upload.KINDS:
        raise AppError("unknown_kind", f"Choose one of {', '.join(Upload.KINDS)}.", param="kind")
    check_type(UploadOptions.from_plain(options or {}), stored_types())
    if kind == Upload.EVENTS:
        check_month(EVENTS)
