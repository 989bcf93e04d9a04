"""The life of a sealed export in a worker: begun, shown, finished or failed, deleted in the end.

The same for every kind of export. Knows nothing of what is in the file.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models.functions import Now
from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.departure import files
from tenants.departure.models import KEPT_FOR, SealedExport
from tenants.isolation.scope import tenant_scope
from tenants.isolation.vault import SealedWriter
from tenants.work import queue
from tenants.work.queue import Lease
from tenants.work.run import Stopped, stopping

ACTOR = system("export")
ATTEMPTS = 4
RENEW_SECONDS = 10.0


@dataclass(frozen=True)
class Making:
    """Which rows a worker makes, and what the log says of it."""

    model: type[SealedExport]
    made: AuditEvent
    destroyed: AuditEvent

    def begin(self, lease: Lease) -> SealedExport | None:
        """The row, now running; None where there is nothing to do, or no further attempt."""
        with tenant_scope(lease.tenant_id):
            queue.hold(lease)
            export = self.model._default_manager.filter(pk=lease.object_id).first()
            if export is None or export.state not in SealedExport.OPEN:
                if export is not None and export.state != SealedExport.DONE:
                    # An attempt was killed, and then a person in it was erased.
                    files.destroy(lease.tenant_id, lease.object_id)
                queue.finish(lease)
                return None
            export.state = SealedExport.RUNNING
            export.save(update_fields=["state"])
        if lease.attempt > ATTEMPTS:
            self.fail(lease, "crashed")
            return None
        return export

    def show(self, lease: Lease, *, done: int, total: int) -> None:
        """How far it is, for whoever looks."""
        with tenant_scope(lease.tenant_id):
            queue.hold(lease)
            rows = self.model._default_manager.filter(pk=lease.object_id)
            rows.update(done=done, total=total)

    def finish(self, lease: Lease, sealed: SealedWriter, told: Mapping[str, Any]) -> None:
        """The file takes its place in the transaction that tells of it; `told` are details."""
        with tenant_scope(lease.tenant_id):
            queue.hold(lease)
            export = self.model._default_manager.select_for_update().get(pk=lease.object_id)
            if export.state not in SealedExport.OPEN:  # a person in it was erased meanwhile
                files.destroy(lease.tenant_id, lease.object_id)
                queue.finish(lease)
                return
            export.state, export.finished_at = SealedExport.DONE, now()
            export.expires_at = export.finished_at + KEPT_FOR
            export.bytes, export.sha256 = sealed.length, sealed.digest.digest()
            export.save()
            queue.finish(lease)
            digest = sealed.digest.hexdigest()
            record(
                self.made,
                actor=ACTOR,
                object_id=export.public_id,
                details={"bytes": sealed.length, "sha256": digest, **told},
            )
            files.keep(lease.tenant_id, lease.object_id, lease.token)

    def fail(self, lease: Lease, code: str) -> None:
        """Say why there will be no file. One that took its place is destroyed: its attempt was
        killed before it was told of."""
        with tenant_scope(lease.tenant_id):
            queue.hold(lease)
            files.destroy(lease.tenant_id, lease.object_id)
            export = self.model._default_manager.get(pk=lease.object_id)
            export.state, export.finished_at, export.error = SealedExport.FAILED, now(), code
            export.save(update_fields=["state", "finished_at", "error"])
            queue.finish(lease, code=code)
            record(
                self.made,
                actor=ACTOR,
                object_id=export.public_id,
                outcome="failure",
                reason=code,
                details={"code": code},
            )

    def expire(self, tenant_id: UUID) -> int:
        """Destroy the files of exports whose time is over; returns how many."""
        with tenant_scope(tenant_id):
            rows = self.model._default_manager.select_for_update()
            over = list(rows.filter(state=SealedExport.DONE, expires_at__lte=Now()))
            for export in over:
                # Before the row says so: a file that is gone already is no fault the second time.
                files.destroy(tenant_id, export.id)
                export.state = SealedExport.EXPIRED
                export.save(update_fields=["state"])
                record(self.destroyed, actor=ACTOR, object_id=export.public_id)
        return len(over)


class Beat:
    """Called often: renews the lease now and then, and stops when the worker is to stop."""

    def __init__(self, lease: Lease) -> None:
        self._lease, self._renewed = lease, time.monotonic()

    def __call__(self) -> None:
        if stopping():
            raise Stopped
        if time.monotonic() - self._renewed > RENEW_SECONDS:
            queue.renew(self._lease)
            self._renewed = time.monotonic()
