"""The worker of auditors' exports: reads a kind's files in one scope, packs, signs, seals them."""

from uuid import UUID

from tenants.audit.events import AuditEvent
from tenants.audit.linking import link
from tenants.departure import files
from tenants.departure.making import Making
from tenants.evidence.kinds import kinds
from tenants.evidence.models import EvidenceExport
from tenants.evidence.packing import Counter, Packed, pack
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease
from tenants.work.run import Stopped, stopping

MAKING = Making(EvidenceExport, AuditEvent.EVIDENCE_MADE, AuditEvent.EVIDENCE_DESTROYED)


def run(lease: Lease) -> None:
    """Worker function of `evidence`."""
    export = MAKING.begin(lease)
    if not isinstance(export, EvidenceExport):
        return
    if export.kind not in kinds():  # the installation has unlearned it meanwhile
        MAKING.fail(lease, "unknown_evidence")
        return
    link(lease.tenant_id)
    spool = files.brought(lease.tenant_id, lease.object_id, lease.token)
    counter = Counter()
    # The scope is a transaction of its own, in which the lease must not be touched.
    with (
        files.write(lease.tenant_id, lease.object_id, lease.token) as sealed,
        kept_alive(lease, lambda: _show(lease, counter)),
        tenant_scope(lease.tenant_id),
    ):
        packed = pack(export, sealed, spool, counter, _go_on)
    _told(lease, packed)
    told = {
        "kind": export.kind,
        "files": packed.files,
        "lines": packed.lines,
        "manifest_sha256": packed.manifest_sha256.hex(),
    }
    MAKING.finish(lease, sealed, told)


def expire(tenant_id: UUID) -> int:
    """Periodic duty: destroy the files of auditors' exports whose time is over; how many."""
    return MAKING.expire(tenant_id)


def _show(lease: Lease, counter: Counter) -> None:
    MAKING.show(lease, done=counter.lines, total=0)


def _go_on() -> None:
    if stopping():
        raise Stopped


def _told(lease: Lease, packed: Packed) -> None:
    """The hash by which the log can be held against what somebody hands in later."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        EvidenceExport.objects.filter(pk=lease.object_id).update(
            manifest_sha256=packed.manifest_sha256, done=packed.lines, total=packed.lines
        )
