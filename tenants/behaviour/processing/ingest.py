"""Processing one upload: open, clean, ask consent, store, report. Resumes where it was killed, or
stopped between two batches because its tenant was suspended.

Cleaning is a function of the file and of the moment it was accepted, so an interrupted upload is
cleaned again from the start, and batches that are stored already are passed over.
"""

from contextlib import closing
from itertools import count as count_up
from typing import Any

from django.db import connection
from django.utils.timezone import now

from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.arriving import vault
from tenants.behaviour.arriving.fetching import fetch
from tenants.behaviour.cleaning.people import People
from tenants.behaviour.columns.mapping import Plan, make_plan
from tenants.behaviour.landing.taking_back import take_back
from tenants.behaviour.models import Upload
from tenants.behaviour.processing.ahead import ahead
from tenants.behaviour.processing.kinds import KINDS, Kind
from tenants.behaviour.processing.preparing import Ready, prepared
from tenants.behaviour.processing.rejected import ended_rejected, keep_rejected
from tenants.behaviour.processing.report import Report, batch_report, complete_report, merge_reports
from tenants.behaviour.processing.waiting import goes_on
from tenants.behaviour.processing.working import ACTOR, fail, opened, options_of, work_on
from tenants.behaviour.reading.tables import Table
from tenants.behaviour.refusals import UploadRefused
from tenants.behaviour.types.event_types import stored_types
from tenants.behaviour.types.type_table import TypeTable
from tenants.isolation.lasting import lasting_key
from tenants.isolation.scope import tenant_scope
from tenants.metering.meters import HELD
from tenants.metering.record import count
from tenants.subjects.suppression import stand_alone
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease
from tenants.work.run import check_gate

# What an upload is in while work of a kind is to be done on it.
WORKED_ON = {"look": (Upload.LOOKING,), "upload": (Upload.RECEIVED, Upload.RUNNING)}


def run(lease: Lease) -> None:
    """Worker function of `upload`."""
    upload = _begin(lease)
    if upload is not None:
        work_on(lease, upload, lambda: _process(lease, upload))


def _begin(lease: Lease) -> Upload | None:
    """The upload, running; None when it has ended or an earlier one of the tenant comes first."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        upload = Upload.objects.get(pk=lease.object_id)
        if upload.state in (Upload.DONE, Upload.FAILED):
            queue.finish(lease)
            return None
        # In order of arrival: consent records before the events that they allow.
        if Upload.objects.filter(
            state__in=(Upload.RECEIVED, Upload.RUNNING), id__lt=upload.id
        ).exists():
            queue.give_back(lease, charge=False, wait=queue.SOON)
            return None
        upload.state = Upload.RUNNING
        # As they stand now, also when the upload is resumed after they were changed.
        upload.options.setdefault("types", stored_types().to_plain())
        upload.save(update_fields=["state", "options"])
        goes_on(upload)
    return upload


def _process(lease: Lease, upload: Upload) -> None:
    kind = KINDS[upload.kind]
    fetch(lease, upload)
    came_at = upload.arrived_at or upload.created_at
    done, people = int(upload.report.get("batches", 0)), People()
    with tenant_scope(lease.tenant_id):
        key = lasting_key(lease.tenant_id, "dedup")
    with opened(lease, upload) as table:
        plan = make_plan(
            upload.kind,
            table.columns,
            mapping=upload.options.get("mapping"),
            options=options_of(upload),
            types=TypeTable.from_plain(upload.options["types"]),
        )
        batches = prepared(table, plan, kind, moment=came_at, key=key, done=done)
        with closing(ahead(batches)) as coming:
            for number in count_up():
                with kept_alive(lease):  # long texts take their time
                    ready = next(coming, None)
                if ready is None:
                    break
                if kind.people:
                    people.add(ready.cleaned.rows[kind.people])
                if number >= done:
                    _land(lease, upload, kind, plan, number, ready)
                    check_gate(lease)
    _finish(lease, upload, plan, table, people.count())


def _land(lease: Lease, upload: Upload, kind: Kind, plan: Plan, number: int, ready: Ready) -> None:
    """One batch in one transaction: rows, progress and what became of them, or nothing."""
    with tenant_scope(lease.tenant_id), connection.cursor() as cursor:
        # A batch lost in the database's last moment is stored again: the file is there until the
        # end of the upload, which waits for the disk.
        cursor.execute("set local synchronous_commit = off")
        queue.hold(lease)
        cleaned = ready.cleaned
        if cleaned.cancelled.height:
            stand_alone()  # what is taken back must not come again meanwhile
        landed = kind.land(cleaned.rows, upload.id, plan)
        if cleaned.cancelled.height:
            cleaned = cleaned.recoded(take_back(cleaned.cancelled))
        if cleaned.batch is not None:
            ended = ended_rejected(cleaned, landed.withheld)
            keep_rejected(upload, number, cleaned.batch, plan, ended)
        part = batch_report(
            cleaned, withheld=landed.withheld, personal=ready.personal, texts=ready.texts
        )
        before = upload.report.get("so_far")
        report = merge_reports([*([Report.from_plain(before)] if before else []), part])
        upload.report = {
            "batches": number + 1,
            "so_far": report.to_plain(),
            "items_created": upload.report.get("items_created", 0) + landed.items_created,
            "roots": [*upload.report.get("roots", []), *([landed.root] if landed.root else [])],
        }
        upload.rows_done = report.received
        upload.save(update_fields=["report", "rows_done"])
        if kind.meter:
            count(kind.meter, part.accepted)
            count(HELD, part.count("quarantined"))
    queue.renew(lease)


def _finish(lease: Lease, upload: Upload, plan: Plan, table: Table, people: int) -> None:
    """The whole report, the audit entries, the file destroyed, what may follow."""
    so_far = upload.report.get("so_far")
    roots = upload.report.get("roots", [])
    report = complete_report(
        Report.from_plain(so_far) if so_far else Report(received=0, accepted=0),
        plan=plan,
        details=table.details,
        items_created=upload.report.get("items_created", 0),
        subjects_seen=people,
    )
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        upload.report = report.to_plain()
        upload.state, upload.rows, upload.finished_at = Upload.DONE, report.received, now()
        upload.save()
        queue.finish(lease)
        queue.hasten("upload", tenant_id=lease.tenant_id)
        queue.enqueue("first_training", tenant_id=lease.tenant_id, object_id=lease.tenant_id)
        _record_outcome(upload, report, roots)
    vault.destroy(upload.tenant_id, upload.id)


def _record_outcome(upload: Upload, report: Report, roots: list[str]) -> None:
    counts: dict[str, Any] = {
        "received": report.received,
        "accepted": report.accepted,
        **{bucket: report.count(bucket) for bucket in ("duplicate", "quarantined", "rejected")},
    }
    if upload.kind == Upload.CONSENTS:
        record(
            AuditEvent.CONSENTS_UPLOADED,
            actor=ACTOR,
            object_id=upload.public_id,
            details={"counts": counts, "roots": roots},
        )
    held = {o.code: o.count for o in report.outcomes if o.bucket == "quarantined"}
    if held:
        record(
            AuditEvent.ROWS_QUARANTINED,
            actor=ACTOR,
            object_id=upload.public_id,
            details={"counts": held},
        )
    record(
        AuditEvent.UPLOAD_FINISHED,
        actor=ACTOR,
        object_id=upload.public_id,
        details={"kind": upload.kind, "counts": counts},
    )


def crash(lease: Lease) -> None:
    """End a file whose work has met its hard stop, so that later ones need not wait for it."""
    with tenant_scope(lease.tenant_id):
        worked_on = WORKED_ON[lease.kind]
        upload = Upload.objects.filter(pk=lease.object_id, state__in=worked_on).first()
        if upload is None:
            queue.finish(lease, code="crashed")
            return
    fail(lease, upload, UploadRefused("crashed"))
