"""What lies outside the database and belongs to a tenant carries the tenant in its name.

The third wall: a file, a cache entry or a counter of one tenant cannot be reached by the name of
another's, whatever the rest of the name says.
"""

from pathlib import Path
from uuid import UUID

from tenants.isolation.scope import current_tenant


def tenant_folder(root: str | Path, tenant_id: UUID) -> Path:
    """The tenant's own folder below `root`; what is inside is this tenant's alone."""
    return Path(root) / str(tenant_id)


def shared_name(room: str, tenant_id: UUID, *parts: object) -> str:
    """The name of an entry in Redis, e.g. "usage:TENANT:2026-11-24"."""
    return ":".join([room, str(tenant_id), *map(str, parts)])


def cache_name(room: str, *parts: object) -> str:
    """The name of a cache entry of the tenant in scope; NoTenantScope outside one."""
    return shared_name(room, current_tenant(), *parts)
