"""A dry run: the whole chain over the whole file, and nothing of it stored.

Each batch is asked about in a transaction that the database itself keeps from writing. What it
says is the report that the file would get now; consent given in between changes it. Whether a
cancelled order finds its purchase, which the file may bring itself, is seen when it is stored.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from django.db import connection, transaction
from django.utils.timezone import now

from tenants.behaviour.arriving import vault
from tenants.behaviour.arriving.whole import check_whole
from tenants.behaviour.asking.foreseeing import FORESEEN
from tenants.behaviour.cleaning.people import People
from tenants.behaviour.columns.mapping import Plan, make_plan
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.models import Upload
from tenants.behaviour.processing.ingest import ATTEMPTS, fail
from tenants.behaviour.processing.kinds import KINDS
from tenants.behaviour.processing.preparing import Ready, prepared
from tenants.behaviour.processing.report import Report, batch_report, complete_report, merge_reports
from tenants.behaviour.processing.waiting import MAY_BE_FULL, goes_on, wait_for_room
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.refusals import UploadRefused
from tenants.behaviour.types.event_types import stored_types
from tenants.isolation.lasting import lasting_key
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease
from tenants.work.run import check_gate


def run(lease: Lease) -> None:
    """Worker function of `dry_run`."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        upload = Upload.objects.get(pk=lease.object_id)
        if upload.state != Upload.CHECKING:
            queue.finish(lease)
            return
        goes_on(upload)
    try:
        if lease.attempt > ATTEMPTS:
            raise UploadRefused("crashed")
        found: dict[str, Any] = {"report": _rehearse(lease, upload).to_plain()}
    except UploadRefused as refused:
        found = {"error": {"code": refused.code, "params": refused.params}}
    except FileNotFoundError:
        fail(lease, upload, UploadRefused("file_gone"))
        return
    except InvalidTag:
        fail(lease, upload, UploadRefused("file_altered"))
        return
    except MAY_BE_FULL as error:
        wait_for_room(lease, upload, error)
        return
    _tell(lease, upload, found)


def crash(lease: Lease) -> None:
    """Give a file whose check has met its hard stop back to its person."""
    with tenant_scope(lease.tenant_id):
        upload = Upload.objects.filter(pk=lease.object_id, state=Upload.CHECKING).first()
        if upload is None:
            queue.finish(lease, code="crashed")
            return
    _tell(lease, upload, {"error": {"code": "crashed", "params": {}}})


@contextmanager
def only_reading(tenant_id: UUID) -> Iterator[None]:
    """The tenant's scope, in a transaction in which the database refuses every write."""
    with tenant_scope(tenant_id):
        with connection.cursor() as cursor:
            cursor.execute("set transaction read only")
        yield
        transaction.set_rollback(True)  # nothing to keep; what stands around it may write again


def _rehearse(lease: Lease, upload: Upload) -> Report:
    """The report that the file would get. Raises what `ingest` does of a file."""
    options = UploadOptions.from_plain(upload.options["options"])
    kind, people, moment = KINDS[upload.kind], People(), upload.arrived_at or upload.created_at
    report = Report(received=0, accepted=0)
    with tenant_scope(lease.tenant_id):
        key, types = lasting_key(lease.tenant_id, "dedup"), stored_types()
    with vault.opened(upload.tenant_id, upload.id) as file:
        with kept_alive(lease):
            check_whole(upload)
            table = open_table(
                file,
                encoding=options.encoding,
                delimiter=options.delimiter,
                apart=True,
                spool=vault.folder(upload.tenant_id),
            )
        plan = make_plan(
            upload.kind,
            table.columns,
            mapping=upload.options["mapping"],
            options=options,
            types=types,
        )
        for ready in prepared(table, plan, kind, moment=moment, key=key, done=0):
            if kind.people:
                people.add(ready.cleaned.rows[kind.people])
            with kept_alive(lease):
                part = _foreseen(upload, plan, ready)
            report = merge_reports([report, part])
            _show_progress(lease, upload, report.received)
            check_gate(lease)
    return complete_report(
        report,
        plan=plan,
        details=table.details,
        items_created=0,
        subjects_seen=people.count(),
    )


def _foreseen(upload: Upload, plan: Plan, ready: Ready) -> Report:
    rows = ready.cleaned.rows
    with only_reading(upload.tenant_id):
        withheld = FORESEEN[upload.kind](rows, upload.id, plan) if rows.height else {}
    return batch_report(
        ready.cleaned, withheld=withheld, personal=ready.personal, texts=ready.texts
    )


def _show_progress(lease: Lease, upload: Upload, rows: int) -> None:
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        upload.rows_done = rows
        upload.save(update_fields=["rows_done"])
    queue.renew(lease)


def _tell(lease: Lease, upload: Upload, found: dict[str, Any]) -> None:
    """Back to the person, with what was found."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        upload.state, upload.rehearsal, upload.said_at = Upload.MAPPING, found, now()
        upload.save(update_fields=["state", "rehearsal", "said_at"])
        queue.finish(lease)
