"""Keys that stay the same while the master key is rotated.

A hash whose input is gone (that an act was counted, that somebody was erased, what was corrected)
cannot be made anew,
and a signing key that auditors have pinned must not change under them. Before a rotation such a key
follows from the master key like any other; from the first rotation on it lies in a row, wrapped.
"""

from functools import lru_cache
from uuid import UUID

from django.conf import settings

from tenants.isolation.keys import FIRST_VERSION, current_version, seal, tenant_key, unseal
from tenants.isolation.models import KnownTenant, LastingKey
from tenants.isolation.scope import current_tenant, tenant_scope

USES = ("dedup", "suppression", "corrections", "sign")


def lasting_key(tenant_id: UUID, use: str) -> bytes:
    """32 bytes for one of USES, the same for as long as there is the tenant. MasterKeyMissing."""
    if current_version() == FIRST_VERSION:
        return tenant_key(tenant_id, use)
    return _found(tenant_id, use, settings.ATTUNE_MASTER_KEY)


@lru_cache(maxsize=2048)
def _found(tenant_id: UUID, use: str, master: str) -> bytes:
    with tenant_scope(tenant_id):
        row = LastingKey.objects.filter(use=use).first()
        known = KnownTenant.objects.filter(pk=tenant_id).first()
    if row is not None:
        wrapping = tenant_key(tenant_id, "lasting", row.key_version)
        return unseal(wrapping, bytes(row.wrapped), _context(tenant_id, use))
    # Nothing was rotated since it was made, or the rotation has not come to it yet.
    return tenant_key(tenant_id, use, known.key_version if known else None)


def keep_lasting() -> None:
    """Wrap the lasting keys of the tenant in scope under the current version."""
    tenant_id = current_tenant()
    for use in USES:
        key = lasting_key(tenant_id, use)
        wrapped = seal(tenant_key(tenant_id, "lasting"), key, _context(tenant_id, use))
        LastingKey.objects.update_or_create(
            tenant_id=tenant_id, use=use,
            defaults={"wrapped": wrapped, "key_version": current_version()},
        )  # fmt: skip


def all_kept() -> bool:
    """Whether the lasting keys of the tenant in scope need no older version."""
    tenant_id, current = current_tenant(), current_version()
    born = KnownTenant.objects.filter(pk=tenant_id, key_version=current).exists()
    return born or LastingKey.objects.filter(key_version=current).count() == len(USES)


def _context(tenant_id: UUID, use: str) -> bytes:
    return b"lasting" + tenant_id.bytes + use.encode()
