"""A file that is fetched from an address: promised by a request, streamed by the worker.

What opens the address is the tenant's own, sealed in the row until the file is here or refused,
and then forgotten.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor, system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.arriving import vault
from tenants.behaviour.arriving.accepting import NAME_LENGTH, check_order, ordered, promise
from tenants.behaviour.arriving.https_source import Found
from tenants.behaviour.arriving.sources import Secrets, check_source, name_of, opened, shown
from tenants.behaviour.models import Upload
from tenants.behaviour.refusals import UploadRefused
from tenants.errors import AppError, NoRoom, is_full
from tenants.ids import uuid7
from tenants.isolation.keys import seal, tenant_key, tenant_keys, unseal_with
from tenants.isolation.scope import current_tenant, tenant_scope
from tenants.metering.meters import UPLOADED
from tenants.metering.record import count
from tenants.metering.storage import check_storage
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease

logger = logging.getLogger(__name__)
USE = "sources"
# How often an address that does not answer is asked.
ATTEMPTS = 3
TOLD = {"file_too_large": "source_too_large", "storage_full": "source_no_room"}


@transaction.atomic
def accept_source(
    *,
    kind: str,
    source: str,
    actor: Actor,
    credentials: Secrets | None = None,
    mapping: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    ask: str = "",
) -> Upload:
    """Promise to fetch a file and to process it. Raises as `accept_upload` and `check_source`."""
    check_order(kind, options)
    secrets = dict(credentials or {})
    check_source(source, secrets)
    check_storage()
    upload_id, tenant_id = uuid7(), current_tenant()
    told = json.dumps({"address": source, "secrets": secrets}).encode()
    upload = Upload.objects.create(
        id=upload_id,
        kind=kind,
        name=name_of(source)[:NAME_LENGTH],
        bytes=0,
        sha256=b"",
        arrived=0,
        source=shown(source),
        source_sealed=seal(tenant_key(tenant_id, USE), told, upload_id.bytes),
        options=ordered(mapping, options, ask),
        state=Upload.LOOKING if ask else Upload.RECEIVED,
        actor_ref=actor.ref,
    )
    promise(upload)
    record(
        AuditEvent.UPLOAD_ACCEPTED,
        actor=actor,
        object_id=upload.public_id,
        details={"kind": kind, "source": source.partition(":")[0]},
    )
    return upload


def fetch(lease: Lease, upload: Upload) -> None:
    """Stream the file into the vault, unless it is there already.

    Raises UploadRefused when it cannot be had, NoRoom; other errors while asking again may help.
    """
    if not upload.source_sealed:
        return
    keys = tenant_keys(upload.tenant_id, USE)
    told = json.loads(unseal_with(keys, bytes(upload.source_sealed), upload.id.bytes))
    draft = str(lease.token)  # whoever lost the lease may still be writing
    with kept_alive(lease):
        size, digest = _stream(lease, upload, told["address"], told["secrets"], draft)
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        vault.keep(upload.tenant_id, upload.id, draft)
        upload.bytes = upload.arrived = size
        upload.sha256, upload.arrived_at, upload.source_sealed = digest, now(), None
        upload.save(update_fields=["bytes", "arrived", "sha256", "arrived_at", "source_sealed"])
        count(UPLOADED, size)
        record(
            AuditEvent.UPLOAD_ARRIVED,
            actor=system("ingest"),
            object_id=upload.public_id,
            details={"bytes": size, "sha256": digest.hex()},
        )


def _stream(
    lease: Lease, upload: Upload, address: str, secrets: Secrets, draft: str
) -> tuple[int, bytes]:
    try:
        with opened(address, secrets) as found:
            _check_room(upload, found)
            stored = vault.store(upload.tenant_id, upload.id, found.chunks, draft=draft)
    except FileNotFoundError:
        raise UploadRefused("source_not_found", param="source") from None
    except PermissionError:
        raise UploadRefused("source_denied", param="source") from None
    except (UploadRefused, NoRoom):
        raise
    except AppError as refused:  # of what a request would be told at once
        most = settings.UPLOAD_LIMIT_BYTES
        raise UploadRefused(TOLD[refused.code], param="source", most=most) from None
    except Exception as error:  # noqa: BLE001 # a store's library raises what it likes
        raise _final(lease, error) from None
    if not stored[0]:
        raise UploadRefused("empty_file")
    return stored


def _final(lease: Lease, error: Exception) -> Exception:
    """The error itself while it is worth asking again, and always where our own disk is full; its
    words stay here, for a library's may hold what it was opened with."""
    if is_full(error):
        return error
    logger.warning("fetching for %s: %s", lease.object_id, type(error).__name__)
    if lease.attempt >= ATTEMPTS:
        return UploadRefused("source_unreachable", param="source")
    return ConnectionError(type(error).__name__)


def _check_room(upload: Upload, found: Found) -> None:
    if found.size is None:
        return
    vault.check_length(found.size, param="source")
    with tenant_scope(upload.tenant_id):
        check_storage(found.size)
