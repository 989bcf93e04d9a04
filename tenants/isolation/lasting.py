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
# No key but a row beside them: it is written last, when nothing lies under an older version.
ROTATED = "rotated"


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
    kept = LastingKey.objects.filter(use__in=USES, key_version=current)
    return _born_under(tenant_id, current) or kept.count() == len(USES)


def mark_rotated() -> None:
    """At the end of a rotation: nothing of the tenant in scope needs an older version."""
    LastingKey.objects.update_or_create(
        tenant_id=current_tenant(), use=ROTATED,
        defaults={"wrapped": b"", "key_version": current_version()},
    )  # fmt: skip


def is_rotated() -> bool:
    """Whether a rotation of the tenant in scope to the current version came to its end."""
    tenant_id, current = current_tenant(), current_version()
    ended = LastingKey.objects.filter(use=ROTATED, key_version=current)
    return _born_under(tenant_id, current) or ended.exists()


def _born_under(tenant_id: UUID, version: int) -> bool:
    return KnownTenant.objects.filter(pk=tenant_id, key_version=version).exists()


def _context(tenant_id: UUID, use: str) -> bytes:
    return b"lasting" + tenant_id.bytes + use.encode()
