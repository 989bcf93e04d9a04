"""Upload files at rest, sealed in pieces under the tenant's key, one folder per tenant."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings

from tenants.errors import AppError, NoRoom, is_full
from tenants.isolation.keys import tenant_key, tenant_keys
from tenants.isolation.names import tenant_folder
from tenants.isolation.vault import extend, opened_with, read_back, sealed_reader, sealing


def folder(tenant_id: UUID) -> Path:
    return tenant_folder(settings.UPLOAD_ROOT, tenant_id)


def path_of(tenant_id: UUID, upload_id: UUID, draft: str = "") -> Path:
    return folder(tenant_id) / f"{upload_id}{'.' if draft else ''}{draft}"


@contextmanager
def _room() -> Iterator[None]:
    """A full disk as a refusal that says what to do."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise NoRoom from error


def store(
    tenant_id: UUID, upload_id: UUID, chunks: Iterable[bytes], *, draft: str = ""
) -> tuple[int, bytes]:
    """Write an upload encrypted; its length and SHA-256. AppError when it is above the limit,
    NoRoom when the disk is full.

    A `draft` is nobody's file until it is kept: several may be written at once.
    """
    key, path = tenant_key(tenant_id, "files"), path_of(tenant_id, upload_id, draft)
    with _room(), sealing(path, key, upload_id.bytes) as file:
        for chunk in chunks:
            file.write(chunk)
            check_length(file.length, param="file")
    return file.length, file.digest.digest()


def keep(tenant_id: UUID, upload_id: UUID, draft: str) -> None:
    """Make a draft the upload's file."""
    path_of(tenant_id, upload_id, draft).replace(path_of(tenant_id, upload_id))


def store_part(tenant_id: UUID, upload_id: UUID, offset: int, part: bytes, *, last: bool) -> None:
    """Write a part behind the first `offset` bytes of an upload, as `extend` does; NoRoom."""
    keys, path = tenant_keys(tenant_id, "files"), path_of(tenant_id, upload_id)
    with _room():
        extend(path, keys, upload_id.bytes, offset, part, last=last)


def part_of(tenant_id: UUID, upload_id: UUID, offset: int, size: int, *, whole: bool) -> bytes:
    """What lies there of an upload that arrives in parts; FileNotFoundError, InvalidTag."""
    keys, path = tenant_keys(tenant_id, "files"), path_of(tenant_id, upload_id)
    return read_back(path, keys, upload_id.bytes, offset, size, whole=whole)


def check_length(length: int, param: str) -> None:
    """AppError (`file_too_large`) for what is longer than any upload may be."""
    limit = settings.UPLOAD_LIMIT_BYTES
    if length > limit:
        raise AppError(
            "file_too_large",
            f"The file is larger than {limit >> 20} MiB. Split it and upload the pieces.",
            param=param,
        )


def opened(tenant_id: UUID, upload_id: UUID, *, draft: str = "") -> BinaryIO:
    """The plain file to read and seek in, a piece at a time in memory; FileNotFoundError when it
    is gone, InvalidTag when altered, now or while it is read."""
    keys = tenant_keys(tenant_id, "files")
    return sealed_reader(path_of(tenant_id, upload_id, draft), keys, upload_id.bytes)


def digest(tenant_id: UUID, upload_id: UUID) -> bytes:
    """SHA-256 of the plain file. Opens every piece of it, so that what was altered is known before
    anything of it is believed; FileNotFoundError, InvalidTag."""
    found, keys = hashlib.sha256(), tenant_keys(tenant_id, "files")
    for piece in opened_with(path_of(tenant_id, upload_id), keys, upload_id.bytes):
        found.update(piece)
    return found.digest()


def destroy(tenant_id: UUID, upload_id: UUID) -> None:
    """Remove the file and its drafts, whatever there is of them."""
    for path in folder(tenant_id).glob(f"{upload_id}*"):
        path.unlink(missing_ok=True)


def stored_before(tenant_id: UUID, moment: float) -> set[UUID]:
    """The uploads whose files were last written before `moment`, in seconds since 1970."""
    place, found = folder(tenant_id), set()
    for path in place.iterdir() if place.is_dir() else ():
        # Processed just now, or a nameless file that has its name for a moment.
        with suppress(FileNotFoundError, ValueError):
            if path.stat().st_mtime < moment:
                found.add(UUID(path.stem))
    return found
