"""Looking into a file that came: is it whole, how is it written, what are its first rows.

Leased work, for an archive of ten gigabytes is unpacked once before anything in it is believed.
"""

from cryptography.exceptions import InvalidTag
from django.utils.timezone import now

from tenants.behaviour.arriving import vault
from tenants.behaviour.arriving.accepting import DRY_RUN, promise
from tenants.behaviour.arriving.fetching import fetch
from tenants.behaviour.arriving.whole import check_whole
from tenants.behaviour.asking import look
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.models import Upload
from tenants.behaviour.processing.ingest import ATTEMPTS, fail
from tenants.behaviour.processing.waiting import MAY_BE_FULL, goes_on, wait_for_room
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.refusals import UploadRefused
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease

# What another encoding or delimiter may mend: the file is kept, and its page asks for them.
MENDABLE = (
    "unknown_encoding", "binary_file", "bad_header", "duplicate_columns", "too_many_columns",
    "row_too_long", "no_rows", "bad_encoding_name", "bad_delimiter", "not_json_lines",
)  # fmt: skip


def run(lease: Lease) -> None:
    """Worker function of `look`."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        upload = Upload.objects.get(pk=lease.object_id)
        if upload.state != Upload.LOOKING:
            queue.finish(lease)
            return
        goes_on(upload)
    try:
        if lease.attempt > ATTEMPTS:
            raise UploadRefused("crashed")
        fetch(lease, upload)
        with kept_alive(lease):
            look.keep(upload.tenant_id, upload.id, _opened(upload))
    except UploadRefused as refused:
        _refuse(lease, upload, refused)
    except FileNotFoundError:
        fail(lease, upload, UploadRefused("file_gone"))
    except InvalidTag:
        fail(lease, upload, UploadRefused("file_altered"))
    except MAY_BE_FULL as error:
        wait_for_room(lease, upload, error)
    else:
        _go_on(lease, upload, {})


def _opened(upload: Upload) -> look.Look:
    options = UploadOptions.from_plain(upload.options["options"])
    with vault.opened(upload.tenant_id, upload.id) as file:
        check_whole(upload)
        table = open_table(
            file,
            encoding=options.encoding,
            delimiter=options.delimiter,
            apart=True,
            spool=vault.folder(upload.tenant_id),
        )
        return look.look_at(table)


def _refuse(lease: Lease, upload: Upload, refused: UploadRefused) -> None:
    if refused.code not in MENDABLE or upload.options["ask"] == DRY_RUN:
        fail(lease, upload, refused)
        return
    look.forget(upload.tenant_id, upload.id)
    _go_on(lease, upload, {"error": {"code": refused.code, "params": refused.params}})


def _go_on(lease: Lease, upload: Upload, found: dict[str, object]) -> None:
    """To the person who says how it is read; or, where they have, to the check they asked for."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        upload.state = Upload.CHECKING if upload.options["ask"] == DRY_RUN else Upload.MAPPING
        upload.rehearsal, upload.said_at = found, now()
        upload.save(update_fields=["state", "rehearsal", "said_at"])
        queue.finish(lease)
        if upload.state == Upload.CHECKING:
            promise(upload)
