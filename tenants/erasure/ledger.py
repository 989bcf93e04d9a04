"""Who was erased, outside the database: one signed line each, so that an older backup hears of it.

A file per tenant on this machine, and one per erasure in the shared store where there is one. A
line names the person by their integer, by the digest under which they are suppressed, and by what
an older backup knows them by if they had another id then.
"""

import base64
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any
from uuid import UUID

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from tenants.audit.canonical import timestamp
from tenants.audit.signing import public_key, sign, signed
from tenants.isolation import depot
from tenants.isolation.names import tenant_folder

KIND, FILE, ROOM = "erasure", "ledger.jsonl", "erasures"
MOST_LINE, SUFFIX = 10_000, ".json"


class LedgerDamaged(Exception):
    """A line was altered, or is no line of this tenant's; the text says which."""


@dataclass(frozen=True)
class Line:
    """One erasure. `digest` is 32 bytes, see `tenants.subjects.suppression`; `reference` is 32, see
    `tenants.subjects.keys`, or none in a line from before there was one.
    """

    erasure_id: UUID
    subject_id: int
    digest: bytes
    erased_at: datetime
    request_ref: str = ""
    reference: bytes = b""

    def content(self, tenant_id: UUID) -> dict[str, Any]:
        return {
            "v": 2,
            "tenant": str(tenant_id),
            "erasure": str(self.erasure_id),
            "subject": self.subject_id,
            "digest": self.digest.hex(),
            "erased_at": timestamp(self.erased_at),
            "request": self.request_ref,
            "reference": self.reference.hex(),
        }


def path_of(tenant_id: UUID) -> Path:
    return tenant_folder(settings.ERASURE_ROOT, tenant_id) / FILE


def write(tenant_id: UUID, line: Line) -> None:
    """Keep a line wherever lines are kept; one that is there already is left. StoreUnreachable."""
    text = _text(tenant_id, line)
    _append(tenant_id, line, text)
    if depot.is_shared():
        where = (tenant_id, ROOM, f"{line.erasure_id}{SUFFIX}")
        with tempfile.NamedTemporaryFile() as file:
            file.write(text)
            file.flush()
            depot.upload(Path(file.name), *where)


def tenants() -> list[UUID]:
    """Whose lines lie on this machine."""
    root = Path(settings.ERASURE_ROOT)
    found = [path.parent.name for path in root.glob(f"*/{FILE}")]
    return sorted(UUID(name) for name in found)


def read(tenant_id: UUID) -> list[Line]:
    """Every line of this machine, oldest first; LedgerDamaged at the first that does not hold."""
    path = path_of(tenant_id)
    if not path.exists():
        return []
    lines = _whole(path.read_bytes()).split(b"\n")
    key = _reader_key(tenant_id)
    return [_line(tenant_id, text, key) for text in lines if text.strip()]


def named_in_store(tenant_id: UUID) -> set[UUID]:
    """The erasures of which a line lies in the shared store; LedgerDamaged, StoreUnreachable."""
    names = depot.listing(tenant_id, ROOM) if depot.is_shared() else {}
    try:
        return {UUID(name.removesuffix(SUFFIX)) for name in names}
    except ValueError as error:
        raise LedgerDamaged("a file beside the lines in the store is none") from error


def read_store(tenant_id: UUID, erasure_ids: Collection[UUID]) -> Iterator[Line]:
    """These lines out of the shared store; LedgerDamaged, StoreUnreachable."""
    key = _reader_key(tenant_id)
    for erasure_id in erasure_ids:
        text = depot.read(tenant_id, ROOM, f"{erasure_id}{SUFFIX}", most=MOST_LINE)
        line = _line(tenant_id, text, key)
        if line.erasure_id != erasure_id:
            raise LedgerDamaged(f"the line of {erasure_id} in the store is another's")
        yield line


def _append(tenant_id: UUID, line: Line, text: bytes) -> None:
    """On the disk before it returns, whole or not at all; what a kill left of a line is cut off."""
    path = path_of(tenant_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        kept = _whole(file.read())
        file.truncate(len(kept))
        try:
            if _mark(line) not in kept:
                _write_all(file, text)
            os.fsync(file.fileno())  # even of a line that is there: a kill may have come before
        except BaseException:
            file.truncate(len(kept))
            raise
    if not kept:
        _keep_name(path.parent)
        _keep_name(path.parent.parent)


def _whole(content: bytes) -> bytes:
    """Without what stands behind the last end of a line: that was never told to be kept."""
    return content[: content.rfind(b"\n") + 1]


def _mark(line: Line) -> bytes:
    """What stands in the line of this erasure alone: in a text that quotes it, quotes look other.
    See `_text`."""
    return json.dumps(f'"erasure":"{line.erasure_id}"')[1:-1].encode()


def _write_all(file: FileIO, text: bytes) -> None:
    while text:
        text = text[file.write(text) :]


def _keep_name(folder: Path) -> None:
    """The name of what is new in it survives a power cut, too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _text(tenant_id: UUID, line: Line) -> bytes:
    content = rfc8785.dumps(line.content(tenant_id))
    signature = base64.b64encode(sign(tenant_id, KIND, content).value).decode()
    told = {"line": content.decode(), "signature": signature}
    return json.dumps(told).encode() + b"\n"


def _reader_key(tenant_id: UUID) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public_key(tenant_id))


def _line(tenant_id: UUID, text: bytes, key: Ed25519PublicKey) -> Line:
    name = hashlib.sha256(text).hexdigest()[:16]
    try:
        told = json.loads(text)
        content = told["line"].encode()
        key.verify(base64.b64decode(told["signature"]), signed(KIND, content))
        found = json.loads(content)
        if found["tenant"] != str(tenant_id):
            raise LedgerDamaged(f"line {name} is another tenant's")
        return Line(
            UUID(found["erasure"]),
            int(found["subject"]),
            bytes.fromhex(found["digest"]),
            datetime.fromisoformat(found["erased_at"]),
            found["request"],
            bytes.fromhex(found["reference"]) if found["v"] > 1 else b"",
        )
    except (InvalidSignature, ValueError, KeyError, TypeError) as error:
        raise LedgerDamaged(f"line {name} was altered") from error
