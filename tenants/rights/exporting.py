"""Making the export of one person: one zip, streamed through the seal; nothing lies in the clear.

Each table is read twice, once as JSON lines and once as CSV, in one transaction; rows that change
between may stand in one of the two alone. A killed attempt is made again from the start.
"""

import base64
import hashlib
import json
import zipfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.timezone import now

from tenants.accounts.models import Tenant
from tenants.audit import signing
from tenants.audit.canonical import timestamp
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.departure import files
from tenants.departure.models import KEPT_FOR
from tenants.errors import NotFound
from tenants.ids import public_id
from tenants.isolation.scope import tenant_scope
from tenants.isolation.vault import SealedWriter
from tenants.rights import kinds
from tenants.rights.cells import csv_lines, json_lines
from tenants.rights.contents import parts
from tenants.rights.exports import ACTOR
from tenants.rights.models import SubjectExport
from tenants.rights.steps import note
from tenants.subjects.directory import audit_ref, external_id_of
from tenants.subjects.store import Rows
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease
from tenants.work.run import Stopped, stopping

ATTEMPTS = 4
FORMAT = 1
FORMS = {"jsonl": json_lines, "csv": csv_lines}
NOTE = (
    "Each table stands here twice: as JSON lines and as CSV with a head, in which a text that a "
    "spreadsheet could run has an apostrophe in front. Times are UTC. manifest.sig is an Ed25519 "
    "signature over manifest.json; sha256 and bytes are of a file before compression."
)


def run(lease: Lease) -> None:
    """Worker function of `subject_export`."""
    export = _begin(lease)
    if export is None:
        return
    if lease.attempt > ATTEMPTS:
        _fail(lease, "crashed")
        return
    try:
        with (
            files.write(lease.tenant_id, lease.object_id, lease.token) as sealed,
            kept_alive(lease),
            tenant_scope(lease.tenant_id),
        ):
            count = _write(lease, sealed, export)
    except NotFound:  # the person was erased meanwhile
        _fail(lease, "person_erased")
        return
    _finish(lease, sealed, count)


def _begin(lease: Lease) -> SubjectExport | None:
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        found = SubjectExport.objects.select_related("request__subject")
        export = found.filter(pk=lease.object_id).first()
        if export is None or export.state not in SubjectExport.OPEN:
            if export is not None and export.state != SubjectExport.DONE:
                # An attempt was killed, and then the person was erased.
                files.destroy(lease.tenant_id, lease.object_id)
            queue.finish(lease)
            return None
        export.state = SubjectExport.RUNNING
        export.save(update_fields=["state"])
    return export


def _write(lease: Lease, sealed: SealedWriter, export: SubjectExport) -> int:
    """Every table in both forms, the manifest that names them, its signature. How many files."""
    request, told = export.request, []
    user_id = external_id_of(request.subject)
    portable = request.kind == kinds.PORTABILITY
    with zipfile.ZipFile(sealed, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for form, lines in FORMS.items():
            for part in parts(request.subject_id, portable=portable):
                name = f"{form}/{part.name}.{form}"
                with _closed(part.rows) as rows:
                    line = _write_member(archive, name, lines(rows))
                told.append({**line, "origin": part.origin})
        manifest = json.dumps({**_head(lease, export, user_id), "files": told}, indent=1).encode()
        archive.writestr("manifest.json", manifest)
        archive.writestr("manifest.sig", _signature(lease, manifest))
    return len(told) + 2


@contextmanager
def _closed(rows: Rows) -> Iterator[Rows]:
    """Rows that are read once; what an error ends keeps no cursor of the database, which would
    break the transaction in which it is collected."""
    try:
        yield rows
    finally:
        if isinstance(rows, Generator):
            rows.close()


def _head(lease: Lease, export: SubjectExport, user_id: str) -> dict[str, Any]:
    tenant = Tenant.objects.get(id=lease.tenant_id)
    return {
        "format": FORMAT,
        "request": export.request.public_id,
        "kind": export.request.kind,
        "user_id": user_id,
        "controller": {
            "id": public_id("tenant", tenant.id),
            "name": tenant.name,
            "contact": tenant.controller_contact,
        },
        "made_at": timestamp(now()),
        "note": NOTE,
    }


def _signature(lease: Lease, manifest: bytes) -> str:
    made = signing.sign(lease.tenant_id, "manifest", manifest)
    told = {
        "algorithm": "Ed25519",
        "covers": "attune signature v1: manifest NUL manifest.json",
        "key_id": made.key_id,
        "public_key": base64.b64encode(signing.public_key(lease.tenant_id)).decode(),
        "signature": base64.b64encode(made.value).decode(),
    }
    return json.dumps(told, indent=1)


def _write_member(archive: zipfile.ZipFile, name: str, lines: Iterable[bytes]) -> dict[str, Any]:
    """Stream one file into the zip; its line in the manifest."""
    digest, length, count = hashlib.sha256(), 0, 0
    with archive.open(name, "w", force_zip64=True) as member:
        for line in lines:
            if stopping():
                raise Stopped
            member.write(line)
            digest.update(line)
            length, count = length + len(line), count + 1
    rows = count - 1 if name.endswith(".csv") and count else count
    return {"name": name, "rows": rows, "bytes": length, "sha256": digest.hexdigest()}


def _finish(lease: Lease, sealed: SealedWriter, count: int) -> None:
    """The file takes its place in the transaction that tells of it; not of who was erased."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        export = SubjectExport.objects.select_for_update().get(pk=lease.object_id)
        if export.state != SubjectExport.RUNNING:
            files.destroy(lease.tenant_id, lease.object_id)
            queue.finish(lease)
            return
        export.state, export.finished_at = SubjectExport.DONE, now()
        export.expires_at = export.finished_at + KEPT_FOR
        export.done, export.total, export.bytes = count, count, sealed.length
        export.sha256 = sealed.digest.digest()
        export.save()
        queue.finish(lease)
        note(export.request, "export_made", ACTOR)
        files.keep(lease.tenant_id, lease.object_id, lease.token)
        record(
            AuditEvent.SUBJECT_EXPORT_MADE,
            actor=ACTOR,
            object_id=export.public_id,
            subject_ref=audit_ref(export.request.subject_id),
            details={
                "bytes": sealed.length,
                "sha256": sealed.digest.hexdigest(),
                "files": count,
            },
        )


def _fail(lease: Lease, code: str) -> None:
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        # One that took its place, too: its attempt was killed before it was told of.
        files.destroy(lease.tenant_id, lease.object_id)
        export = SubjectExport.objects.get(pk=lease.object_id)
        export.state, export.finished_at, export.error = SubjectExport.FAILED, now(), code
        export.save(update_fields=["state", "finished_at", "error"])
        queue.finish(lease, code=code)
        record(
            AuditEvent.SUBJECT_EXPORT_MADE,
            actor=ACTOR,
            object_id=export.public_id,
            outcome="failure",
            reason=code,
            details={"code": code},
        )
