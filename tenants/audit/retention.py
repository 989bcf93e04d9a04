"""Deleting the oldest entries of a log after their time, and only behind a signed checkpoint.

The database lets go what is older than half a year and behind a checkpoint, from the beginning of
the log and up to a checkpoint's very entry; everything else it refuses. AUDIT_DAYS is how long the
installation keeps entries (three years if it says nothing; PIPL art. 56 asks as much of
assessments, the AI Act art. 19 for six months of logs).
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.audit.checkpoints import is_signed
from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditCheckpoint, AuditDetail, AuditEntry, Seal, SealedRow
from tenants.audit.record import record
from tenants.isolation.scope import tenant_scope

SEALING = AuditEvent.DECISIONS_SEALED.value.action


def prune(tenant_id: UUID) -> int:
    """Periodic duty: delete entries whose time is over; how many. One checkpoint at a time."""
    deleted = 0
    while True:
        with tenant_scope(tenant_id):
            count = _prune_one()
        if not count:
            return deleted
        deleted += count


def _prune_one() -> int:
    """What lies behind the oldest checkpoint that still has entries before it."""
    first = AuditEntry.objects.order_by("seq").first()
    limit = now() - timedelta(days=settings.AUDIT_DAYS)
    if first is None or first.recorded_at >= limit:
        return 0
    checkpoint = AuditCheckpoint.objects.filter(size__gte=first.seq).order_by("size").first()
    if checkpoint is None or not is_signed(checkpoint):
        return 0
    behind = AuditEntry.objects.filter(seq__lte=checkpoint.size)
    if behind.filter(recorded_at__gte=limit).exists():
        return 0
    rows = _forget_seals(list(behind.filter(action=SEALING).values_list("object_version")))
    AuditDetail.objects.filter(entry__in=behind).delete()
    # Not the ORM's way, which deletes in parts: no part may leave a hole.
    count = behind._raw_delete(behind.db)
    record(
        AuditEvent.LOG_PRUNED,
        actor=system("retention"),
        object_id=checkpoint.public_id,
        object_version=bytes(checkpoint.root).hex(),
        details={"until": checkpoint.size, "entries": count, "sealed_rows": rows},
    )
    return count


def _forget_seals(roots: list[tuple[str]]) -> int:
    """The leaves of seals that the deleted entries told of; the roots stay."""
    seals = Seal.objects.filter(root__in=[bytes.fromhex(root) for (root,) in roots])
    leaves = SealedRow.objects.filter(seal__in=seals)
    return leaves._raw_delete(leaves.db)
