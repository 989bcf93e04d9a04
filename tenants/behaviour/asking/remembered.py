"""How files were read before, by kind and set of headings: what a person confirmed once is proposed
the next time. Runs in a tenant's scope."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from tenants.behaviour.columns.item_attributes import OURS
from tenants.behaviour.models import RememberedMapping
from tenants.isolation.scope import current_tenant


def digest_of(columns: Sequence[str]) -> bytes:
    """Of the set of headings: in whatever order they stand, it is the same kind of file, and rows
    of it that were given back to be repaired are read as it was."""
    theirs = sorted(name for name in columns if not name.startswith(OURS))
    return sha256("\n".join(theirs).encode()).digest()


def remember(
    kind: str, columns: Sequence[str], mapping: Mapping[str, str], options: Mapping[str, Any]
) -> None:
    """Keep how a file with these headings is read, in place of what was kept before."""
    RememberedMapping.objects.update_or_create(
        tenant_id=current_tenant(),
        kind=kind,
        headings_sha256=digest_of(columns),
        defaults={"mapping": dict(mapping), "options": dict(options)},
    )


def recalled(kind: str, columns: Sequence[str]) -> RememberedMapping | None:
    """How the last file of this kind with these headings was read; None for a new sort of file."""
    return RememberedMapping.objects.filter(kind=kind, headings_sha256=digest_of(columns)).first()
