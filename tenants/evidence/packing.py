"""One export as a signed zip: files, a digest of every line, the verifier, a manifest over it all.

Streamed: a line is held only while it is written. What is signed is the manifest; it holds the hash
of each file and of each list of digests, so a reader can name the line that was altered.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.timezone import now

from tenants.audit.canonical import timestamp
from tenants.audit.signing import key_id, public_key, sign
from tenants.evidence import verifier
from tenants.evidence.kinds import EvidenceFile, kinds
from tenants.evidence.models import EvidenceExport
from tenants.ids import public_id
from tenants.isolation.vault import SealedWriter

FORMAT = 1
MANIFEST, SIGNATURE, VERIFIER = "manifest.json", "manifest.sig", "verify.py"
PIECE = 1 << 16


@dataclass(frozen=True)
class Packed:
    """What was written, and the SHA-256 of the manifest that tells of it."""

    files: int
    lines: int
    manifest_sha256: bytes


class Counter:
    """Lines so far; another thread may look."""

    lines = 0


def pack(
    export: EvidenceExport,
    sealed: SealedWriter,
    spool: Path,
    counter: Counter,
    go_on: Callable[[], None],
) -> Packed:
    """Write the whole export to `sealed`, in the scope of its tenant. `spool` is a place for the
    digests of one file meanwhile; `go_on` is asked now and then and may raise.
    """
    told = []
    with zipfile.ZipFile(sealed, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for file in _files(export):
            told.append(_write(archive, file, spool, counter, go_on))
        manifest = json.dumps(_manifest(export, told), indent=1).encode() + b"\n"
        archive.writestr(MANIFEST, manifest)
        archive.writestr(SIGNATURE, _signature(export, manifest))
    return Packed(len(told), counter.lines, hashlib.sha256(manifest).digest())


def _files(export: EvidenceExport) -> Iterator[EvidenceFile]:
    yield from kinds()[export.kind].files(export.options)
    with Path(verifier.__file__).open("rb") as source:
        yield EvidenceFile(VERIFIER, source)


def _write(
    archive: zipfile.ZipFile,
    file: EvidenceFile,
    spool: Path,
    counter: Counter,
    go_on: Callable[[], None],
) -> dict[str, Any]:
    """One file and the digests of its lines; what the manifest tells of both."""
    whole, length, lines, digests = hashlib.sha256(), 0, 0, hashlib.sha256()
    try:
        with spool.open("wb") as side, archive.open(file.name, "w", force_zip64=True) as member:
            for piece, marks in _pieces(file.lines):
                member.write(piece)
                side.write(b"".join(marks))
                whole.update(piece)
                length, lines = length + len(piece), lines + len(marks)
                counter.lines += len(marks)
                go_on()
        name = f"digests/{file.name}.sha256"
        with spool.open("rb") as side, archive.open(name, "w", force_zip64=True) as member:
            while piece := side.read(PIECE):
                member.write(piece)
                digests.update(piece)
    finally:
        spool.unlink(missing_ok=True)
    return {
        "name": file.name,
        "bytes": length,
        "lines": lines,
        "sha256": whole.hexdigest(),
        "digests": {"name": name, "sha256": digests.hexdigest()},
        "facts": dict(file.facts()),
    }


def _pieces(lines: Iterable[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """Lines in pieces of about PIECE bytes, each with the digests of its lines."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= PIECE:
            yield b"".join(held), [hashlib.sha256(each).digest() for each in held]
            held, size = [], 0
    if held:
        yield b"".join(held), [hashlib.sha256(each).digest() for each in held]


def _manifest(export: EvidenceExport, files: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "kind": export.kind,
        "export": export.public_id,
        "tenant": public_id("tenant", export.tenant_id),
        "tenant_uuid": str(export.tenant_id),
        "made_at": timestamp(now()),
        "filter": export.options,
        "key_id": key_id(export.tenant_id),
        "public_key": public_key(export.tenant_id).hex(),
        "files": files,
    }


def _signature(export: EvidenceExport, manifest: bytes) -> str:
    made = sign(export.tenant_id, "manifest", manifest)
    told = {"kind": "manifest", "key_id": made.key_id, "signature": made.value.hex()}
    return json.dumps(told) + "\n"
