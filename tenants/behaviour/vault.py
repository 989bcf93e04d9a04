"""Upload files at rest: AES-256-GCM in pieces under the tenant's key, one folder per tenant.

A piece's number and the last-piece mark are part of what is authenticated, so a file that was
cut, reordered or swapped with another tenant's does not open.
"""

import hashlib
import io
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from django.conf import settings

from tenants.errors import AppError
from tenants.isolation.keys import seal, tenant_key, unseal
from tenants.isolation.names import tenant_folder

PIECE = 1 << 20
SEALED_PIECE = PIECE + 28  # nonce and tag


def path_of(tenant_id: UUID, upload_id: UUID) -> Path:
    return tenant_folder(settings.UPLOAD_ROOT, tenant_id) / str(upload_id)


def store(tenant_id: UUID, upload_id: UUID, chunks: Iterable[bytes]) -> tuple[int, bytes]:
    """Write an upload encrypted; its length and SHA-256. AppError when it is above the limit."""
    path = path_of(tenant_id, upload_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, length, number, pending = hashlib.sha256(), 0, 0, b""
    key = tenant_key(tenant_id, "files")
    try:
        with path.open("wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                length += len(chunk)
                _check_length(length)
                pending += chunk
                while len(pending) > PIECE:
                    file.write(
                        seal(
                            key,
                            pending[:PIECE],
                            _context(upload_id, number, last=False),
                        )
                    )
                    pending, number = pending[PIECE:], number + 1
            file.write(seal(key, pending, _context(upload_id, number, last=True)))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return length, digest.digest()


def _check_length(length: int) -> None:
    limit = settings.UPLOAD_LIMIT_BYTES
    if length > limit:
        raise AppError(
            "file_too_large",
            f"The file is larger than {limit >> 20} MiB. Split it and upload the parts.",
            param="file",
        )


def load(tenant_id: UUID, upload_id: UUID) -> io.BytesIO:
    """The plain file in memory; FileNotFoundError when it is gone, InvalidTag when altered."""
    key = tenant_key(tenant_id, "files")
    path = path_of(tenant_id, upload_id)
    size, plain, number = path.stat().st_size, io.BytesIO(), 0
    with path.open("rb") as file:
        while sealed := file.read(SEALED_PIECE):
            context = _context(upload_id, number, last=file.tell() == size)
            plain.write(unseal(key, sealed, context))
            number += 1
    plain.seek(0)
    return plain


def destroy(tenant_id: UUID, upload_id: UUID) -> None:
    path_of(tenant_id, upload_id).unlink(missing_ok=True)


def stored_before(tenant_id: UUID, moment: float) -> set[UUID]:
    """The uploads whose files were last written before `moment`, in seconds since 1970."""
    folder, found = tenant_folder(settings.UPLOAD_ROOT, tenant_id), set()
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # processed just now
            if path.stat().st_mtime < moment:
                found.add(UUID(path.name))
    return found


def _context(upload_id: UUID, number: int, *, last: bool) -> bytes:
    return upload_id.bytes + number.to_bytes(8, "big") + (b"\x01" if last else b"\x00")
