"""Uploads that arrive in parts: begun, gone on with from where they are, completed or given up.

The row says how many bytes are here, which is all that a sender needs to know to go on; a part is
sealed and on the disk before the row counts it. Parts leave no entry in the log each; the
beginning, the completion and the end of an abandoned one do.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Greatest
from django.utils.timezone import now

from tenants.audit.actor import Actor, system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.arriving import vault
from tenants.behaviour.arriving.accepting import NAME_LENGTH, check_order, ordered, promise
from tenants.behaviour.models import Upload
from tenants.errors import AppError, Conflict, NotFound
from tenants.isolation.scope import tenant_scope
from tenants.isolation.vault import PIECE
from tenants.metering.meters import UPLOADED
from tenants.metering.record import count
from tenants.metering.storage import check_storage

# How long nothing may come of an upload that was begun, or be said of one that waits.
PATIENCE = timedelta(hours=24)
UNSETTLED = (Upload.RECEIVING, Upload.MAPPING)
EXPIRED = {Upload.RECEIVING: "upload_expired", Upload.MAPPING: "mapping_expired"}


@transaction.atomic
def begin_upload(
    *,
    kind: str,
    name: str,
    size: int,
    actor: Actor,
    mapping: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    ask: str = "",
) -> Upload:
    """Open an upload of `size` bytes that come later. Raises what `accept_upload` does, and
    AppError `file_too_large`; what others have still to bring is counted as if it were here."""
    check_order(kind, options)
    if size < 1:
        raise AppError("empty_file", "The file is empty. Choose another one.", param="bytes")
    vault.check_length(size, param="bytes")
    open_ones = Upload.objects.filter(state=Upload.RECEIVING)
    coming = open_ones.aggregate(n=Sum(F("bytes") - F("arrived")))["n"] or 0
    check_storage(size + coming)
    upload = Upload.objects.create(
        kind=kind,
        name=name[:NAME_LENGTH],
        bytes=size,
        sha256=b"",
        state=Upload.RECEIVING,
        arrived=0,
        options=ordered(mapping, options, ask),
        actor_ref=actor.ref,
    )
    record(
        AuditEvent.UPLOAD_BEGUN,
        actor=actor,
        object_id=upload.public_id,
        details={"kind": kind, "bytes": size},
    )
    return upload


@transaction.atomic
def take_part(*, upload_id: UUID, offset: int, part: bytes, sha256: bytes | None = None) -> Upload:
    """Keep the bytes of the file from `offset` on. The same part sent again changes nothing.

    Raises AppError `part_damaged` when `sha256` is not the part's, `part_size` unless the part is
    a whole number of MiB or the last one, `part_beyond` above the file's length; Conflict
    `part_gap` when what comes before is missing, `part_differs` when other bytes are there.
    """
    upload = _receiving(upload_id)
    if sha256 is not None and hashlib.sha256(part).digest() != sha256:
        raise AppError("part_damaged", "The part is not what its digest says. Send it again.")
    _check_place(upload, offset, len(part))
    here = upload.bytes_received
    if offset + len(part) <= here:
        _check_same(upload, offset, part)
        return upload
    if offset != here:
        raise Conflict(
            "part_gap",
            f"{here:,} bytes are here. Send the part that begins at byte {here}.",
            param="offset",
            params={"here": here},
        )
    last = offset + len(part) == upload.bytes
    vault.store_part(upload.tenant_id, upload.id, offset, part, last=last)
    upload.arrived, upload.arrived_at = offset + len(part), now()
    upload.save(update_fields=["arrived", "arrived_at"])
    return upload


def _receiving(upload_id: UUID) -> Upload:
    """The upload, locked, while it takes parts; NotFound, Conflict `not_receiving`."""
    return _open(upload_id, (Upload.RECEIVING,))


def _open(upload_id: UUID, states: tuple[str, ...]) -> Upload:
    upload = Upload.objects.select_for_update().filter(pk=upload_id).first()
    if upload is None:
        raise NotFound("upload")
    if upload.state not in states:
        raise Conflict("not_receiving", "This upload takes no parts any more. Begin a new one.")
    return upload


def _check_place(upload: Upload, offset: int, size: int) -> None:
    if size > settings.PART_LIMIT_BYTES:
        most = settings.PART_LIMIT_BYTES >> 20
        raise AppError("part_size", f"A part is at most {most} MiB. Send smaller ones.")
    if offset + size > upload.bytes:
        raise AppError(
            "part_beyond",
            f"The file was said to have {upload.bytes:,} bytes, and this part goes beyond them.",
            param="offset",
        )
    if not size or offset % PIECE or (size % PIECE and offset + size != upload.bytes):
        raise AppError(
            "part_size",
            "Begin each part at a whole number of MiB (1,048,576 bytes), and make all but the last "
            "such a number long.",
            param="offset",
        )


def _check_same(upload: Upload, offset: int, part: bytes) -> None:
    whole = upload.arrived == upload.bytes
    there = vault.part_of(upload.tenant_id, upload.id, offset, len(part), whole=whole)
    if there != part:
        raise Conflict(
            "part_differs",
            "Other bytes are here at this place. Give this upload up and begin a new one.",
            param="offset",
        )


@transaction.atomic
def complete_upload(*, upload_id: UUID, actor: Actor, sha256: bytes | None = None) -> Upload:
    """Say that all parts were sent, and have the file processed, or what was ordered to be asked
    before; said again, nothing changes.

    `sha256` is of the whole file, and is compared before any row of it is believed. Raises
    NotFound, Conflict `not_receiving` or `parts_missing`.
    """
    known = Upload.objects.select_for_update().filter(pk=upload_id).first()
    said_before = known and known.arrived is not None and known.state in Upload.COMPLETE
    if known and said_before and sha256 in (None, bytes(known.sha256)):
        return known
    upload = _receiving(upload_id)
    if upload.arrived != upload.bytes:
        raise Conflict(
            "parts_missing",
            f"{upload.arrived:,} of {upload.bytes:,} bytes are here. Send the rest first.",
            params={"here": upload.arrived, "bytes": upload.bytes},
        )
    upload.state = Upload.LOOKING if upload.options.get("ask") else Upload.RECEIVED
    upload.sha256 = sha256 or b""
    upload.save(update_fields=["state", "sha256"])
    promise(upload)
    record(
        AuditEvent.UPLOAD_ACCEPTED,
        actor=actor,
        object_id=upload.public_id,
        details={"kind": upload.kind, "bytes": upload.bytes, "sha256": upload.sha256.hex()},
    )
    count(UPLOADED, upload.bytes)
    return upload


@transaction.atomic
def give_up(*, upload_id: UUID, actor: Actor, code: str = "upload_cancelled") -> Upload:
    """End an upload that is not complete, or of which nobody said how it is read; what is here of
    it is destroyed. NotFound, Conflict."""
    upload = _open(upload_id, UNSETTLED)
    upload.state, upload.finished_at = Upload.FAILED, now()
    upload.error = {"code": code, "params": {}}
    upload.save(update_fields=["state", "finished_at", "error"])
    record(
        AuditEvent.UPLOAD_GIVEN_UP,
        actor=actor,
        object_id=upload.public_id,
        reason=code,
        details={"kind": upload.kind, "bytes": upload.bytes_received},
    )
    transaction.on_commit(lambda: vault.destroy(upload.tenant_id, upload.id))
    return upload


def expire(tenant_id: UUID) -> None:
    """A duty: give up uploads of which nothing has come, or been said, for PATIENCE."""
    with tenant_scope(tenant_id):
        latest = Greatest("created_at", "arrived_at", "said_at")  # those that there are
        open_ones = Upload.objects.filter(state__in=UNSETTLED).alias(latest=latest)
        quiet = open_ones.filter(latest__lt=now() - PATIENCE)
        for upload_id, state in quiet.values_list("id", "state"):
            with suppress(Conflict):  # it went on meanwhile
                give_up(upload_id=upload_id, actor=system("ingest"), code=EXPIRED[state])
