"""Signed checkpoints over a tenant's log: the root of the Merkle tree up to an entry.

Whoever keeps one outside can see whether the log up to there is still the same. Between two of
them, and until one has left the house, the owner of the database can rewrite what is newest.
"""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection
from django.utils.timezone import now

from tenants.audit.models import AuditCheckpoint, AuditEntry
from tenants.audit.signing import public_key, sign, signed
from tenants.audit.tree import Edge, unpacked
from tenants.isolation.reading import in_chunks
from tenants.isolation.scope import current_tenant, tenant_scope

# A checkpoint stands behind so many entries, or behind fewer that have waited so long. Whoever
# calls does so once a minute.
EVERY, WAIT = 1000, timedelta(minutes=4)
KIND = "checkpoint"


def keep_up(tenant_id: UUID) -> int:
    """Periodic duty: the checkpoints that are due; returns how many were made."""
    made = 0
    while True:
        with tenant_scope(tenant_id):
            checkpoint = make_checkpoint()
        if checkpoint is None:
            return made
        made += 1


def make_checkpoint(*, at_once: bool = False) -> AuditCheckpoint | None:
    """The next checkpoint of the tenant in scope, over EVERY entries more than the last one;
    fewer once they waited, or `at_once`. None where none is due, or another worker makes it.
    """
    if not _alone():
        return None
    last = newest()
    edge = edge_of(last)
    entries = list(_after(edge.size)[:EVERY])
    if not entries:
        return None
    waited = now() - entries[0][2] >= WAIT
    if len(entries) < EVERY and not waited and not at_once:
        return None
    for _, entry_hash, _ in entries:
        edge.add(bytes(entry_hash))
    return _signed(edge, head=bytes(entries[-1][1]), last=last)


def newest() -> AuditCheckpoint | None:
    """The last checkpoint of the tenant in scope that its key has signed: on no other one may
    the next be built."""
    marks = AuditCheckpoint.objects.order_by("-size")
    mark = marks.first()
    while mark is not None and not is_signed(mark):
        mark = marks.filter(size__lt=mark.size).first()
    return mark


def edge_of(checkpoint: AuditCheckpoint | None) -> Edge:
    """The tree as far as a checkpoint covers it; the empty one for None."""
    return unpacked(checkpoint.size, bytes(checkpoint.edge)) if checkpoint else Edge()


def whole_log() -> Edge:
    """The tree over all entries of the tenant in scope, those included that were pruned."""
    edge = edge_of(newest())
    behind = AuditEntry.objects.filter(seq__gt=edge.size)
    for entry in in_chunks(behind.only("seq", "entry_hash"), "seq"):
        edge.add(bytes(entry.entry_hash))
    return edge


def line_of(checkpoint: AuditCheckpoint) -> dict[str, Any]:
    """A checkpoint as it leaves the house."""
    return {
        "checkpoint": checkpoint.content(),
        "key_id": checkpoint.key_id,
        "signature": bytes(checkpoint.signature).hex(),
    }


def is_signed(checkpoint: AuditCheckpoint) -> bool:
    """Whether the tenant's key has signed it as it stands."""
    content = signed(KIND, rfc8785.dumps(checkpoint.content()))
    public = Ed25519PublicKey.from_public_bytes(public_key(checkpoint.tenant_id))
    try:
        public.verify(bytes(checkpoint.signature), content)
    except InvalidSignature:
        return False
    return True


def digest_of(checkpoint: AuditCheckpoint) -> bytes:
    """What the next checkpoint holds of this one."""
    return hashlib.sha256(rfc8785.dumps(checkpoint.content())).digest()


def following(size: int) -> AuditCheckpoint | None:
    """The first checkpoint of the tenant in scope of this size or more."""
    return AuditCheckpoint.objects.filter(size__gte=size).order_by("size").first()


def between(first: int, last: int) -> Iterator[AuditCheckpoint]:
    """The checkpoints of the tenant in scope by size, both ends included."""
    marks = AuditCheckpoint.objects.filter(size__gte=first, size__lte=last)
    return in_chunks(marks, "size")


def _after(size: int) -> Any:
    entries = AuditEntry.objects.filter(seq__gt=size).order_by("seq")
    return entries.values_list("seq", "entry_hash", "recorded_at")


def _signed(edge: Edge, *, head: bytes, last: AuditCheckpoint | None) -> AuditCheckpoint:
    made = AuditCheckpoint(
        tenant_id=current_tenant(),
        size=edge.size,
        root=edge.root(),
        head_hash=head,
        edge=edge.packed(),
        made_at=now(),
        previous=digest_of(last) if last else b"",
    )
    signature = sign(made.tenant_id, KIND, rfc8785.dumps(made.content()))
    made.key_id, made.signature = signature.key_id, signature.value
    made.save(force_insert=True)
    return made


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"checkpoint:{current_tenant()}"],
        )
        return bool(cursor.fetchone()[0])
