"""Sealing streams of rows that are too frequent to chain one by one (the decision log).

Rows commit out of order, so a batch takes whatever has no seal yet, never "newer than".
"""

from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from tenants.audit.actor import system
from tenants.audit.canonical import merkle_root
from tenants.audit.events import AuditEvent
from tenants.audit.models import Seal, SealedRow
from tenants.audit.record import record
from tenants.ids import encode
from tenants.isolation.scope import tenant_scope

BATCH = 1000


def seal(tenant_id: UUID) -> int:
    """Seal what every stream holds unsealed for one tenant; returns how many rows."""
    sealed = 0
    for stream, dotted in settings.SEALED_STREAMS.items():
        while True:
            with tenant_scope(tenant_id):
                count = _seal_batch(tenant_id, stream, import_string(dotted))
            sealed += count
            if count < BATCH:
                break
    return sealed


def _seal_batch(tenant_id: UUID, stream: str, unsealed: object) -> int:
    """One Merkle root over at most BATCH rows; another sealer of this tenant makes us skip."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{stream}:{tenant_id}"],
        )
        if not cursor.fetchone()[0]:
            return 0
    rows: list[tuple[UUID, bytes]] = unsealed(BATCH)  # type: ignore[operator]
    if not rows:
        return 0
    root = merkle_root([leaf for _, leaf in rows])
    batch = Seal.objects.create(stream=stream, count=len(rows), root=root)
    SealedRow.objects.bulk_create(
        SealedRow(
            seal=batch, stream=stream, row_id=row_id, position=position, leaf=leaf
        )
        for position, (row_id, leaf) in enumerate(rows)
    )
    record(
        AuditEvent.DECISIONS_SEALED,
        actor=system("sealing"),
        object_id=f"seal_{encode(batch.id.int)}",
        details={"root": root.hex(), "count": len(rows), "stream": stream},
    )
    return len(rows)
