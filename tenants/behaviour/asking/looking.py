"""Looking into a file that came: is it whole, how is it written, what are its first rows.

Leased work, for an archive of ten gigabytes is unpacked once before anything in it is believed.
"""

from django.utils.timezone import now

from tenants.behaviour.arriving.accepting import DRY_RUN, promise
from tenants.behaviour.arriving.fetching import fetch
from tenants.behaviour.asking import look
from tenants.behaviour.models import Upload
from tenants.behaviour.processing.waiting import goes_on
from tenants.behaviour.processing.working import fail, opened, work_on
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
    work_on(lease, upload, lambda: _look(lease, upload), refused=_refuse)


def _look(lease: Lease, upload: Upload) -> None:
    fetch(lease, upload)
    with opened(lease, upload) as table, kept_alive(lease):
        look.keep(upload.tenant_id, upload.id, look.look_at(table))
    _go_on(lease, upload, {})


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
