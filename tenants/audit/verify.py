"""Checking a tenant's chain from its first entry: links, hashes, details, checkpoints, seals."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction

from tenants.audit.actor import Actor
from tenants.audit.canonical import commitment, entry_hash, merkle_root
from tenants.audit.checkpoints import digest_of, edge_of, following, is_signed
from tenants.audit.events import AuditEvent
from tenants.audit.models import (
    AuditCheckpoint,
    AuditDetail,
    AuditEntry,
    AuditHead,
    AuditWaiting,
    Seal,
    SealedRow,
)
from tenants.audit.record import record
from tenants.audit.sealing import streams
from tenants.audit.tree import EMPTY, Edge
from tenants.isolation.reading import in_chunks

SEALING = AuditEvent.DECISIONS_SEALED.value.action
PRUNING = AuditEvent.LOG_PRUNED.value.action


@dataclass(frozen=True)
class Verdict:
    """`entries` were read; when not `ok`, `seq` is the first bad one and `code` says why.
    `waiting` are committed and not linked yet.
    """

    ok: bool
    entries: int
    seals: int
    seq: int | None = None
    code: str = ""
    checkpoints: int = 0
    waiting: int = 0


@dataclass
class Chain:
    """How far a chain was followed. `roots` are the seals that its entries tell of, by id;
    `pruned` the roots of checkpoints up to which they tell that the log was deleted.
    """

    edge: Edge = field(default_factory=Edge)
    hash: bytes = EMPTY
    at_head: bytes = EMPTY
    roots: dict[str, str] = field(default_factory=dict)
    pruned: set[str] = field(default_factory=set)
    entries: int = 0

    @property
    def seq(self) -> int:
        return self.edge.size


class Checkpoints:
    """The checkpoints of a log, each held against the chain when it has come so far."""

    def __init__(self, size: int) -> None:
        self._next = following(size)
        self._last: AuditCheckpoint | None = None
        self.count = 0

    def begin(self, size: int, chain: Chain) -> bool:
        """Let the chain begin behind the checkpoint of this size; False where there is none."""
        if self._next is None or self._next.size != size:
            return False
        chain.edge, chain.hash = edge_of(self._next), bytes(self._next.head_hash)
        return True

    def fault(self, chain: Chain) -> str:
        """What is wrong with the checkpoint over the chain as it is now, "" with none."""
        mark = self._next
        if mark is None or mark.size != chain.seq:
            return ""
        if not is_signed(mark):
            return "checkpoint_altered"
        if self._last is not None and bytes(mark.previous) != digest_of(self._last):
            return "checkpoint_altered"
        if (bytes(mark.root), bytes(mark.head_hash)) != (chain.edge.root(), chain.hash):
            return "checkpoint_broken"
        self._last, self._next = mark, following(mark.size + 1)
        self.count += 1
        return ""

    def beyond(self) -> int | None:
        """The size of one that the chain never reached."""
        return self._next.size if self._next else None


@transaction.atomic
def verify_log(*, actor: Actor) -> Verdict:
    """Verify the chain of the tenant in scope and record that somebody did, and the result.

    What waits is counted and not linked here: that would keep the chain's head, for which an
    erasure waits, for as long as a whole log is read. Whoever wants it read calls `link` before.
    """
    verdict = verify_chain()
    record(
        AuditEvent.LOG_VERIFIED,
        actor=actor,
        outcome="success" if verdict.ok else "failure",
        reason=verdict.code,
        details={"entries": verdict.entries, "ok": verdict.ok},
    )
    return verdict


def verify_chain() -> Verdict:
    """Verify the chain and the seals of the tenant in scope; stops at the first fault.

    Writers go on meanwhile: the head is read first, and what is appended later is checked too. A
    truncated tail is found by the head and by checkpoints; where both were rewritten with the
    log, only by a checkpoint held elsewhere. A pruned log begins behind a checkpoint.
    """
    head = AuditHead.objects.first()
    if head is None:
        return Verdict(ok=False, entries=0, seals=0, code="head_missing")
    first = AuditEntry.objects.order_by("seq").values_list("seq", flat=True).first()
    behind = (first or head.seq + 1) - 1
    chain, marks = Chain(), Checkpoints(behind)
    if behind and not marks.begin(behind, chain):
        return Verdict(ok=False, entries=0, seals=0, seq=first, code="entry_missing")
    begun = chain.edge.root().hex()
    seq, code = _follow(chain, marks, head.seq)
    if not code and behind and begun not in chain.pruned:
        seq, code = first, "entry_missing"
    if not code and (chain.seq < head.seq or chain.at_head != bytes(head.hash)):
        seq, code = head.seq, "entries_missing"
    if not code and (beyond := marks.beyond()):
        seq, code = beyond, "entries_missing"
    if code:
        return Verdict(False, chain.entries, 0, seq, code, marks.count)
    return _verify_seals(chain, marks.count)


def _follow(chain: Chain, marks: Checkpoints, head_seq: int) -> tuple[int | None, str]:
    """Go through the entries; the first bad one and what is wrong with it, or (None, "")."""
    code = marks.fault(chain)
    if code:
        return chain.seq, code
    if chain.seq == head_seq:
        chain.at_head = chain.hash
    for entry in in_chunks(AuditEntry.objects.prefetch_related("detail"), "seq"):
        code = _fault(entry, chain, entry.detail.all())
        if code:
            return entry.seq, code
        _add(chain, entry, head_seq)
        code = marks.fault(chain)
        if code:
            return entry.seq, code
    return None, ""


def _fault(entry: AuditEntry, chain: Chain, details: Iterable[AuditDetail]) -> str:
    if entry.seq != chain.seq + 1:
        return "entry_missing"
    if bytes(entry.prev_hash) != chain.hash:
        return "link_broken"
    if entry_hash(entry.content()) != bytes(entry.entry_hash):
        return "entry_altered"
    for detail in details:  # none, once they were deleted
        if commitment(bytes(detail.salt), detail.details) != bytes(entry.details_commit):
            return "details_altered"
    return ""


def _add(chain: Chain, entry: AuditEntry, head_seq: int) -> None:
    chain.hash = bytes(entry.entry_hash)
    chain.edge.add(chain.hash)
    chain.entries += 1
    if entry.seq == head_seq:
        chain.at_head = chain.hash
    if entry.action == SEALING:
        chain.roots[entry.object_id] = entry.object_version
    if entry.action == PRUNING:
        chain.pruned.add(entry.object_version)


def _verify_seals(chain: Chain, checkpoints: int) -> Verdict:
    """Every seal the chain tells of, with the root it tells, and every row that still exists."""
    count, told = 0, dict(chain.roots)
    for seal in in_chunks(Seal.objects.all(), "id"):
        code = _seal_fault(seal, told.pop(seal.public_id, None))
        if code:
            return Verdict(False, chain.entries, count, None, code, checkpoints)
        count += 1
    if told:
        return Verdict(False, chain.entries, count, None, "seal_missing", checkpoints)
    waiting = AuditWaiting.objects.count()
    return Verdict(True, chain.entries, count, checkpoints=checkpoints, waiting=waiting)


def _seal_fault(seal: Seal, told: str | None) -> str:
    """`told` is the root in the chain; None for a seal made since the chain was read."""
    rows = SealedRow.objects.filter(seal=seal).order_by("position")
    leaves = {row_id: bytes(leaf) for row_id, leaf in rows.values_list("row_id", "leaf")}
    root = bytes(seal.root)
    if not leaves and told is None:
        return ""  # its leaves were pruned with the entry that told of it
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
