"""What a person says of a file that waits: how it is read, check it first, begin, look again.

Giving it up is `arriving.parts.give_up`. Each of these finds the upload waiting, or refuses.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.arriving.accepting import MAPPING, promise
from tenants.behaviour.asking import look
from tenants.behaviour.asking.remembered import remember
from tenants.behaviour.columns.mapping import make_plan
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.columns.schema import KINDS
from tenants.behaviour.models import Upload
from tenants.behaviour.types.event_types import stored_types
from tenants.errors import Conflict, NotFound


@transaction.atomic
def start_upload(
    *,
    upload_id: UUID,
    actor: Actor,
    mapping: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Upload:
    """Have a waiting file processed, read so; None keeps what was said when it was sent.

    What was said is remembered for the next file with these headings. Raises NotFound, Conflict
    `not_waiting`, and UploadRefused as `make_plan` and UploadOptions do.
    """
    upload = _settled(upload_id, mapping, options)
    columns = look.kept(upload.tenant_id, upload.id).columns
    remember(upload.kind, columns, upload.options["mapping"], upload.options["options"])
    upload.state, upload.rows_done = Upload.RECEIVED, 0
    upload.save(update_fields=["state", "options", "rows_done", "said_at"])
    promise(upload)
    record(
        AuditEvent.UPLOAD_MAPPED,
        actor=actor,
        object_id=upload.public_id,
        details={"kind": upload.kind, "fields": _fields(upload)},
    )
    return upload


def _fields(upload: Upload) -> list[str]:
    """Those of our columns that the file brings; its headings are not for the log."""
    mapping = upload.options["mapping"]
    return [one.name for one in KINDS[upload.kind].columns if mapping.get(one.name)]


@transaction.atomic
def rehearse_upload(
    *,
    upload_id: UUID,
    actor: Actor,
    mapping: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Upload:
    """Have a waiting file checked to its end, read so, and nothing stored. Raises as
    `start_upload`."""
    upload = _settled(upload_id, mapping, options)
    upload.state, upload.rows_done, upload.rehearsal = Upload.CHECKING, 0, {}
    upload.save(update_fields=["state", "options", "rows_done", "rehearsal", "said_at"])
    promise(upload)
    record(
        AuditEvent.UPLOAD_CHECKED,
        actor=actor,
        object_id=upload.public_id,
        details={"kind": upload.kind},
    )
    return upload


@transaction.atomic
def look_again(*, upload_id: UUID, encoding: str | None, delimiter: str | None) -> Upload:
    """Open a waiting file anew with another encoding or delimiter; None for what is found out.

    Raises NotFound, Conflict `not_waiting`, UploadRefused bad_option.
    """
    upload = waiting(upload_id)
    options = {**upload.options["options"], "encoding": encoding, "delimiter": delimiter}
    UploadOptions.from_plain(options)
    # Whoever looks at it says how it is read, also where a program sent it to be checked.
    upload.options = {**upload.options, "options": options, "ask": MAPPING}
    upload.state, upload.rehearsal, upload.said_at = Upload.LOOKING, {}, now()
    upload.save(update_fields=["state", "options", "rehearsal", "said_at"])
    promise(upload)
    return upload


def waiting(upload_id: UUID) -> Upload:
    """The upload, locked, while a person is to say how it is read; NotFound, Conflict."""
    upload = Upload.objects.select_for_update().filter(pk=upload_id).first()
    if upload is None:
        raise NotFound("upload")
    if upload.state != Upload.MAPPING:
        raise Conflict("not_waiting", "This upload does not wait for anything to be said of it.")
    return upload


def _settled(
    upload_id: UUID, mapping: Mapping[str, str] | None, options: Mapping[str, Any] | None
) -> Upload:
    """The waiting upload with what is said of it now, if its file can be read so."""
    upload = waiting(upload_id)
    said = dict(upload.options["mapping"] if mapping is None else mapping)
    chosen = dict(upload.options["options"] if options is None else options)
    try:
        columns = look.kept(upload.tenant_id, upload.id).columns
    except FileNotFoundError:  # it could not be opened, as its page says
        raise Conflict("not_waiting", "This file could not be opened yet. Look again.") from None
    plan = make_plan(
        upload.kind,
        columns,
        mapping=said,
        options=UploadOptions.from_plain(chosen),
        types=stored_types(),
    )
    left_out = {field: "" for field, theirs in said.items() if not theirs}
    upload.options = {"mapping": {**plan.mapping, **left_out}, "options": chosen, "ask": MAPPING}
    upload.said_at = now()
    return upload
