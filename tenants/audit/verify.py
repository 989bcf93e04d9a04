"""Checking a tenant's chain from its first entry: order, links, hashes, details, seals."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tenants.audit.canonical import commitment, leaf_hash, merkle_root
from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditDetail, AuditEntry, AuditHead, Seal, SealedRow
from tenants.audit.sealing import streams

CHUNK = 2000
SEALING = AuditEvent.DECISIONS_SEALED.value.action


@dataclass(frozen=True)
class Verdict:
    """`entries` were read; when not `ok`, `seq` is the first bad one and `code` says why."""

    ok: bool
    entries: int
    seals: int
    seq: int | None = None
    code: str = ""


@dataclass
class Chain:
    """How far a chain was followed. `roots` are the seals that its entries tell of, by id."""

    seq: int = 0
    hash: bytes = bytes(32)
    at_head: bytes = bytes(32)
    roots: dict[str, str] = field(default_factory=dict)


def verify_chain() -> Verdict:
    """Verify the chain and the seals of the tenant in scope; stops at the first fault.

    Writers go on meanwhile: the head is read first, and what is appended later is checked too. A
    truncated tail is found by the head; a rewritten head only by a checkpoint held elsewhere.
    """
    head = AuditHead.objects.first()
    if head is None:
        return Verdict(ok=False, entries=0, seals=0, code="head_missing")
    chain = Chain()
    entries = AuditEntry.objects.order_by("seq").prefetch_related("detail")
    for entry in entries.iterator(chunk_size=CHUNK):
        code = _fault(entry, chain, entry.detail.all())
        if code:
            return Verdict(ok=False, entries=chain.seq, seals=0, seq=entry.seq, code=code)
        _follow(chain, entry, head.seq)
    if chain.seq < head.seq or chain.at_head != bytes(head.hash):
        return Verdict(ok=False, entries=chain.seq, seals=0, seq=head.seq, code="entries_missing")
    return _verify_seals(chain)


def _fault(entry: AuditEntry, chain: Chain, details: Iterable[AuditDetail]) -> str:
    if entry.seq != chain.seq + 1:
        return "entry_missing"
    if bytes(entry.prev_hash) != chain.hash:
        return "link_broken"
    if leaf_hash(entry.content()) != bytes(entry.entry_hash):
        return "entry_altered"
    for detail in details:  # none, once they were deleted
        if commitment(bytes(detail.salt), detail.details) != bytes(entry.details_commit):
            return "details_altered"
    return ""


def _follow(chain: Chain, entry: AuditEntry, head_seq: int) -> None:
    chain.seq, chain.hash = entry.seq, bytes(entry.entry_hash)
    if entry.seq == head_seq:
        chain.at_head = chain.hash
    if entry.action == SEALING:
        chain.roots[entry.object_id] = entry.object_version


def _verify_seals(chain: Chain) -> Verdict:
    """Every seal the chain tells of, with the root it tells, and every row that still exists."""
    count, told = 0, dict(chain.roots)
    for seal in Seal.objects.order_by("id").iterator():
        code = _seal_fault(seal, told.pop(seal.public_id, None))
        if code:
            return Verdict(ok=False, entries=chain.seq, seals=count, code=code)
        count += 1
    if told:
        return Verdict(ok=False, entries=chain.seq, seals=count, code="seal_missing")
    return Verdict(ok=True, entries=chain.seq, seals=count)


def _seal_fault(seal: Seal, told: str | None) -> str:
    """`told` is the root in the chain; None for a seal made since the chain was read."""
    rows = SealedRow.objects.filter(seal=seal).order_by("position")
    leaves = {row_id: bytes(leaf) for row_id, leaf in rows.values_list("row_id", "leaf")}
    root = bytes(seal.root)
    if not leaves or len(leaves) != seal.count or merkle_root(list(leaves.values())) != root:
        return "seal_broken"
    if told not in (None, root.hex()):
        return "seal_broken"
    stream = streams().get(seal.stream)
    if stream is None:
        return "stream_unknown"
    if any(leaf != leaves[pk] for pk, leaf in stream.leaves(leaves).items()):
        return "sealed_row_altered"
    return ""
