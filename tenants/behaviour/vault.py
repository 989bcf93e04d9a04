"""Upload files at rest, sealed in pieces under the tenant's key, one folder per tenant."""

import io
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from django.conf import settings

from tenants.errors import AppError
from tenants.isolation.keys import tenant_key, tenant_keys
from tenants.isolation.names import tenant_folder
from tenants.isolation.vault import opened_with, sealing


def path_of(tenant_id: UUID, upload_id: UUID) -> Path:
    return tenant_folder(settings.UPLOAD_ROOT, tenant_id) / str(upload_id)


def store(tenant_id: UUID, upload_id: UUID, chunks: Iterable[bytes]) -> tuple[int, bytes]:
    """Write an upload encrypted; its length and SHA-256. AppError when it is above the limit."""
    key = tenant_key(tenant_id, "files")
    with sealing(path_of(tenant_id, upload_id), key, upload_id.bytes) as file:
        for chunk in chunks:
            file.write(chunk)
            _check_length(file.length)
    return file.length, file.digest.digest()


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
    keys, plain = tenant_keys(tenant_id, "files"), io.BytesIO()
    for piece in opened_with(path_of(tenant_id, upload_id), keys, upload_id.bytes):
        plain.write(piece)
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
