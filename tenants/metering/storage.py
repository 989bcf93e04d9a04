"""How much a tenant's files take. Asks the disk and the shared store, keeps no count: what is
deleted is free again.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from django.conf import settings

from tenants.accounts.models import Tenant
from tenants.errors import AppError
from tenants.isolation import depot
from tenants.isolation.names import tenant_folder
from tenants.isolation.scope import current_tenant

logger = logging.getLogger(__name__)
MIB = 1 << 20


def stored_bytes(tenant_id: UUID) -> int:
    """Bytes of all files in the tenant's folders below the roots that settings list; of what lies
    in a shared store those there, and none of a machine's copies."""
    roots = (getattr(settings, name) for name in depot.own_roots())
    here = sum(_bytes_below(tenant_folder(root, tenant_id)) for root in roots)
    return here + (_bytes_stored(tenant_id) if depot.is_shared() else 0)


def _bytes_stored(tenant_id: UUID) -> int:
    try:
        return sum(depot.listing(tenant_id).values())
    except depot.StoreUnreachable:  # an upload needs no model: it is not refused for that
        logger.exception("the store is not counted for tenant %s", tenant_id)
        return 0


def _bytes_below(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # work that ends meanwhile takes its files along
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def check_storage(more: int = 0) -> None:
    """AppError (`storage_full`) when the files of the tenant in scope take more than they may, or
    would with so many bytes `more`.

    Two writers at once may both pass: the limit is exceeded by what they write together.
    """
    tenant_id = current_tenant()
    allowed = Tenant.objects.get(pk=tenant_id).limits.storage_bytes
    used = stored_bytes(tenant_id) + more
    if used <= allowed:
        return
    taken, most = f"{used / MIB:,.1f} MiB", f"{allowed / MIB:,.1f} MiB"
    raise AppError(
        "storage_full",
        f"With this file your files would take {taken} of the {most} that you may use. Wait until "
        "earlier uploads are processed, or ask the installation's operator for more.",
        param="file",
        params={"used": taken, "allowed": most},
    )
