"""Making an export: one zip, streamed through the seal to disk; nothing lies in the clear.

A killed attempt is made again from the start. Rows that change meanwhile may stand in it as they
were before or after; a tenant that is being closed changes no more.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from django.utils.timezone import now

from tenants.audit.canonical import timestamp
from tenants.audit.events import AuditEvent
from tenants.departure import contents, files
from tenants.departure.making import Beat, Making
from tenants.departure.models import TenantExport
from tenants.ids import public_id
from tenants.isolation import depot
from tenants.isolation.vault import SealedWriter
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease

FORMAT = 1
PIECE = 1 << 20
NOTE = (
    "Each table is a CSV file with a head, as PostgreSQL writes it (an empty field is NULL, bytes "
    "are \\x and hexadecimal digits, JSON is text). A text that begins with one of = + - @ ' or a "
    "tab or a line break has one more apostrophe in front, so that no spreadsheet calculates with "
    "it. People are integers everywhere; "
    f"{contents.PEOPLE} says who they are. sha256 and bytes are of a file before compression."
)
Part = tuple[bytes, int]
Source = Callable[[], Iterable[Part]]


MAKING = Making(TenantExport, AuditEvent.EXPORT_MADE, AuditEvent.EXPORT_DESTROYED)


def run(lease: Lease) -> None:
    """Worker function of `export`."""
    if MAKING.begin(lease) is None:
        return
    members = _members(lease)
    MAKING.show(lease, done=0, total=len(members))
    with files.write(lease.tenant_id, lease.object_id, lease.token) as sealed:
        _write(lease, sealed, members)
    MAKING.finish(lease, sealed, {"files": len(members)})


def _members(lease: Lease) -> list[tuple[str, Source]]:
    """The files of the zip in order, each with what reads it."""
    tenant_id = lease.tenant_id
    tables: list[tuple[str, Source]] = [
        (f"tables/{model._meta.db_table}.csv", partial(contents.rows_of, model, tenant_id))
        for model in contents.tables()
    ]
    people: tuple[str, Source] = (contents.PEOPLE, partial(contents.people, tenant_id))
    kept: list[tuple[str, Source]] = [
        (name, partial(_pieces, path)) for name, path in contents.files(tenant_id)
    ]
    stored: list[tuple[str, Source]] = [
        (name, partial(_stored_pieces, lease, place))
        for name, place in contents.stored_files(tenant_id)
    ]
    return [*tables, people, *kept, *stored]


def _pieces(path: Path) -> Iterator[Part]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece, 0


def _stored_pieces(lease: Lease, place: tuple[str, ...]) -> Iterator[Part]:
    """A file of the shared store. It has to be brought whole first, and lies there as plain."""
    path = files.brought(lease.tenant_id, lease.object_id, lease.token)
    try:
        with kept_alive(lease):
            depot.download(path, lease.tenant_id, *place)
        yield from _pieces(path)
    finally:
        path.unlink(missing_ok=True)


def _write(lease: Lease, sealed: SealedWriter, members: list[tuple[str, Source]]) -> None:
    """Every member, then the manifest that says what is in them and what is not."""
    beat, told = Beat(lease), []
    with zipfile.ZipFile(sealed, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for number, (name, source) in enumerate(members, start=1):
            told.append(_write_member(archive, name, source(), beat))
            MAKING.show(lease, done=number, total=len(members))
        manifest = {
            "format": FORMAT,
            "tenant": public_id("tenant", lease.tenant_id),
            "made_at": timestamp(now()),
            "note": NOTE,
            "files": told,
            "left_out": contents.left_out(),
        }
        archive.writestr("manifest.json", json.dumps(manifest, indent=1))


def _write_member(
    archive: zipfile.ZipFile, name: str, parts: Iterable[Part], beat: Beat
) -> dict[str, Any]:
    """Stream one file into the zip; its line in the manifest."""
    digest, length, rows = hashlib.sha256(), 0, 0
    with archive.open(name, "w", force_zip64=True) as member:
        for content, count in parts:
            member.write(content)
            digest.update(content)
            length, rows = length + len(content), rows + count
            beat()
    line: dict[str, Any] = {"name": name, "bytes": length, "sha256": digest.hexdigest()}
    return {**line, "rows": rows} if name.endswith(".csv") else line
