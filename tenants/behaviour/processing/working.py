"""What all leased work on a file has in common: how the file is opened, and how the work ends
where it cannot go on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cryptography.exceptions import InvalidTag
from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.arriving import vault
from tenants.behaviour.arriving.whole import check_whole
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.models import Upload
from tenants.behaviour.processing.waiting import MAY_BE_FULL, wait_for_room
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.reading.tables import Table
from tenants.behaviour.refusals import UploadRefused
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease

ACTOR = system("ingest")
ATTEMPTS = 4


def fail(lease: Lease, upload: Upload, refused: UploadRefused) -> None:
    """The file as a whole is refused; rows of batches that were stored before stay reported."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        upload.state, upload.finished_at = Upload.FAILED, now()
        upload.error = {"code": refused.code, "params": refused.params}
        upload.source_sealed = None
        upload.save(update_fields=["state", "finished_at", "error", "source_sealed"])
        queue.finish(lease, code=refused.code)
        queue.hasten("upload", tenant_id=lease.tenant_id)
        record(
            AuditEvent.UPLOAD_FAILED,
            actor=ACTOR,
            object_id=upload.public_id,
            outcome="failure",
            reason=refused.code,
            details={"kind": upload.kind, "code": refused.code},
        )
    vault.destroy(upload.tenant_id, upload.id)


def work_on(
    lease: Lease,
    upload: Upload,
    work: Callable[[], None],
    refused: Callable[[Lease, Upload, UploadRefused], None] = fail,
) -> None:
    """Do the work. A file that is gone or was altered fails; one that cannot be read is `refused`;
    on a full disk the work waits."""
    try:
        if lease.attempt > ATTEMPTS:
            raise UploadRefused("crashed")
        work()
    except UploadRefused as why:
        refused(lease, upload, why)
    except FileNotFoundError:
        fail(lease, upload, UploadRefused("file_gone"))
    except InvalidTag:
        fail(lease, upload, UploadRefused("file_altered"))
    except MAY_BE_FULL as error:
        wait_for_room(lease, upload, error)


def options_of(upload: Upload) -> UploadOptions:
    """How the tenant wants the file read; UploadRefused bad_option."""
    return UploadOptions.from_plain(upload.options.get("options", {}))


@contextmanager
def opened(lease: Lease, upload: Upload) -> Iterator[Table]:
    """The file, known to be whole, as a table. UploadRefused, FileNotFoundError, InvalidTag."""
    options = options_of(upload)
    with vault.opened(upload.tenant_id, upload.id) as file:
        with kept_alive(lease):  # a large file is looked through before its first row
            check_whole(upload)
            table = open_table(
                file,
                encoding=options.encoding,
                delimiter=options.delimiter,
                apart=True,
                spool=vault.folder(upload.tenant_id),
            )
        yield table
