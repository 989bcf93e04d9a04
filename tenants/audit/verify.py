"""Checking a tenant's chain from its first entry: order, links, hashes, details, seals."""

from dataclasses import dataclass

from tenants.audit.canonical import commitment, leaf_hash, merkle_root
from tenants.audit.models import AuditDetail, AuditEntry, AuditHead, Seal, SealedRow
from tenants.audit.sealing import streams


@dataclass(frozen=True)
class Verdict:
    """`entries` were read; when not `ok`, `seq` is the first bad one and `code` says why."""

    ok: bool
    entries: int
    seals: int
    seq: int | None = None
    code: str = ""


def verify_chain() -> Verdict:
    """Verify the chain and the seals of the tenant in scope; stops at the first fault.

    A truncated tail is found by the head; a rewritten head only by a checkpoint held elsewhere.
    """
    previous, seq = bytes(32), 0
    details = {detail.entry_id: detail for detail in AuditDetail.objects.all().iterator()}
    for entry in AuditEntry.objects.order_by("seq").iterator(chunk_size=2000):
        code = _fault(entry, previous, seq + 1, details.get(entry.pk))
        if code:
            return Verdict(ok=False, entries=seq, seals=0, seq=entry.seq, code=code)
        previous, seq = bytes(entry.entry_hash), entry.seq
    head = AuditHead.objects.first()
    if head and (head.seq, bytes(head.hash)) != (seq, previous):
        return Verdict(ok=False, entries=seq, seals=0, seq=head.seq, code="entries_missing")
    return _verify_seals(entries=seq)


def _fault(
    entry: AuditEntry, previous: bytes, expected_seq: int, detail: AuditDetail | None
) -> str:
    if entry.seq != expected_seq:
        return "entry_missing"
    if bytes(entry.prev_hash) != previous:
        return "link_broken"
    if leaf_hash(entry.content()) != bytes(entry.entry_hash):
        return "entry_altered"
    if detail and commitment(bytes(detail.salt), detail.details) != bytes(entry.details_commit):
        return "details_altered"
    return ""


def _verify_seals(entries: int) -> Verdict:
    """Every root over its leaves, and every row that still exists against its leaf."""
    count, known = 0, streams()
    for seal in Seal.objects.order_by("id").iterator():
        rows = SealedRow.objects.filter(seal=seal).order_by("position")
        leaves = {row_id: bytes(leaf) for row_id, leaf in rows.values_list("row_id", "leaf")}
        code = ""
        if len(leaves) != seal.count or merkle_root(list(leaves.values())) != bytes(seal.root):
            code = "seal_broken"
        elif any(leaf != leaves[pk] for pk, leaf in known[seal.stream].leaves(leaves).items()):
            code = "sealed_row_altered"
        if code:
            return Verdict(ok=False, entries=entries, seals=count, code=code)
        count += 1
    return Verdict(ok=True, entries=entries, seals=count)
