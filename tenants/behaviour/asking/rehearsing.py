"""A dry run: the whole chain over the whole file, and nothing of it stored.

Each batch is asked about in a transaction that the database itself keeps from writing. What it
says is the report that the file would get now; consent given in between changes it. Whether a
cancelled order finds its purchase, which the file may bring itself, is seen when it is stored.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.timezone import now

from tenants.behaviour.asking.foreseeing import FORESEEN
from tenants.behaviour.cleaning.people import People
from tenants.behaviour.columns.mapping import Plan, make_plan
from tenants.behaviour.models import Upload
from tenants.behaviour.processing.kinds import KINDS
from tenants.behaviour.processing.preparing import Ready, prepared
from tenants.behaviour.processing.report import Report, batch_report, complete_report, merge_reports
from tenants.behaviour.processing.waiting import goes_on
from tenants.behaviour.processing.working import opened, options_of, work_on
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
    work_on(lease, upload, lambda: _check(lease, upload), refused=_refuse)


def _check(lease: Lease, upload: Upload) -> None:
    _tell(lease, upload, {"report": _rehearse(lease, upload).to_plain()})


def _refuse(lease: Lease, upload: Upload, why: UploadRefused) -> None:
    """What is wrong with the file is what the check was for."""
    _tell(lease, upload, {"error": {"code": why.code, "params": why.params}})


def crash(lease: Lease) -> None:
    """Give a file whose check has met its hard stop back to its person."""
    with tenant_scope(lease.tenant_id):
        upload = Upload.objects.filter(pk=lease.object_id, state=Upload.CHECKING).first()
        if upload is None:
            queue.finish(lease, code="crashed")
            return
    _refuse(lease, upload, UploadRefused("crashed"))


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
    kind, people, moment = KINDS[upload.kind], People(), upload.arrived_at or upload.created_at
    report = Report(received=0, accepted=0)
    with tenant_scope(lease.tenant_id):
        key, types = lasting_key(lease.tenant_id, "dedup"), stored_types()
    with opened(lease, upload) as table:
        plan = make_plan(
            upload.kind,
            table.columns,
            mapping=upload.options["mapping"],
            options=options_of(upload),
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
