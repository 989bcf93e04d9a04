"""Sealing streams of rows that are too frequent to chain one by one (the decision log).

Rows commit out of order, so a batch takes whatever has no seal yet, never "newer than".
"""

from collections.abc import Iterable
from typing import Protocol, cast
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from tenants.audit.actor import system
from tenants.audit.canonical import merkle_root
from tenants.audit.events import AuditEvent
from tenants.audit.models import Seal
from tenants.audit.record import record
from tenants.audit.tree import HASH_BYTES
from tenants.isolation.binary_arrays import Digests, Uuids, array_cursor, packed
from tenants.isolation.scope import tenant_scope

BATCH = 1000


class Stream(Protocol):
    """What a room states about its rows, so that they can be sealed and checked."""

    def unsealed(self, limit: int) -> list[tuple[UUID, bytes]]:
        """Rows of the tenant in scope without a seal: (id, leaf hash), oldest first."""

    def leaves(self, row_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        """The leaf hashes of those rows as they stand now; erased rows are left out."""


def streams() -> dict[str, Stream]:
    """The streams that settings list, by name."""
    return {
        name: cast(Stream, import_string(dotted))
        for name, dotted in settings.SEALED_STREAMS.items()
    }


def seal(tenant_id: UUID) -> int:
    """Periodic duty: seal what every stream of one tenant holds unsealed; returns how many rows."""
    sealed = 0
    while True:
        with tenant_scope(tenant_id):
            counts = [_seal_batch(name, stream) for name, stream in _ours(tenant_id)]
        sealed += sum(counts)
        if max(counts, default=0) < BATCH:
            return sealed


def _ours(tenant_id: UUID) -> list[tuple[str, Stream]]:
    """All streams; none where another sealer is at this tenant."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"seal:{tenant_id}"]
        )
        return list(streams().items()) if cursor.fetchone()[0] else []


LEAVES = """
insert into audit_sealedrow (tenant_id, seal_id, stream, row_id, position, leaf)
select %s, %s, %s, row_id, position - 1, leaf
from unnest(%s, %s) with ordinality as given(row_id, leaf, position)
"""


def _seal_batch(name: str, stream: Stream) -> int:
    """One Merkle root over at most BATCH rows."""
    rows = stream.unsealed(BATCH)
    if not rows:
        return 0
    root = merkle_root([leaf for _, leaf in rows])
    batch = Seal.objects.create(stream=name, count=len(rows), root=root)
    ids = Uuids(packed((row_id.bytes for row_id, _ in rows), 16))
    leaves = Digests(packed((leaf for _, leaf in rows), HASH_BYTES))
    with array_cursor() as cursor:
        cursor.execute(LEAVES, [batch.tenant_id, batch.id, name, ids, leaves])
    record(
        AuditEvent.DECISIONS_SEALED,
        actor=system("sealing"),
        object_id=batch.public_id,
        # In the chained entry itself, which details may outlive: this is what anchors the seal.
        object_version=root.hex(),
        details={"root": root.hex(), "count": len(rows), "stream": name},
    )
    return len(rows)
