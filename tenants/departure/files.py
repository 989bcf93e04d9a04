"""Export files at rest, sealed under the tenant's key, one folder per tenant.

Each attempt writes a file of its own, so that a worker which lost its lease spoils nothing.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import UUID

from django.conf import settings

from tenants.isolation.keys import tenant_key, tenant_keys
from tenants.isolation.names import tenant_folder
from tenants.isolation.vault import SealedWriter, opened_with, sealing


def path_of(tenant_id: UUID, export_id: UUID) -> Path:
    return tenant_folder(settings.EXPORT_ROOT, tenant_id) / str(export_id)


def write(tenant_id: UUID, export_id: UUID, token: int) -> AbstractContextManager[SealedWriter]:
    """A stream for the attempt with this token of its lease; what earlier ones left is removed."""
    remove_attempts(tenant_id, export_id)
    partial = _partial(tenant_id, export_id, token)
    return sealing(partial, tenant_key(tenant_id, "exports"), export_id.bytes)


def keep(tenant_id: UUID, export_id: UUID, token: int) -> None:
    """Make the attempt's file the export's."""
    os.replace(_partial(tenant_id, export_id, token), path_of(tenant_id, export_id))


def brought(tenant_id: UUID, export_id: UUID, token: int) -> Path:
    """Where an attempt puts a file that it has to bring first."""
    path = path_of(tenant_id, export_id)
    return path.with_name(f"{path.name}.{token}.brought.partial")


def exists(tenant_id: UUID, export_id: UUID) -> bool:
    return path_of(tenant_id, export_id).exists()


def read(tenant_id: UUID, export_id: UUID) -> Iterator[bytes]:
    """The zip, piece by piece."""
    path = path_of(tenant_id, export_id)
    return opened_with(path, tenant_keys(tenant_id, "exports"), export_id.bytes)


def destroy(tenant_id: UUID, export_id: UUID) -> None:
    remove_attempts(tenant_id, export_id)
    path_of(tenant_id, export_id).unlink(missing_ok=True)


def remove_attempts(tenant_id: UUID, export_id: UUID) -> None:
    """Delete what attempts that did not end well have left."""
    path = path_of(tenant_id, export_id)
    for partial in path.parent.glob(f"{path.name}.*.partial"):
        partial.unlink(missing_ok=True)


def _partial(tenant_id: UUID, export_id: UUID, token: int) -> Path:
    path = path_of(tenant_id, export_id)
    return path.with_name(f"{path.name}.{token}.partial")
