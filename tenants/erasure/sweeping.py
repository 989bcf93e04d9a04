"""The work behind an erasure: destroy what is no row, count what is left, look again next day."""

import logging
from collections.abc import Set
from uuid import UUID

from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditEntry, AuditWaiting
from tenants.audit.record import record
from tenants.erasure import ledger
from tenants.erasure.certificate import LOOK_AGAIN, add_models, add_rescan, certify
from tenants.erasure.counting import counts, left, overdue, stores
from tenants.erasure.models import Erasure
from tenants.erasure.queries import line_of
from tenants.erasure.reach import reaches
from tenants.isolation.scope import tenant_scope
from tenants.subjects.suppression import stand_alone
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.models import WorkItem
from tenants.work.queue import Lease

logger = logging.getLogger(__name__)
ACTOR = system("erasure")


def run(lease: Lease) -> None:
    """Worker function of `erasure`."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        erasure = Erasure.objects.get(pk=lease.object_id)
        if erasure.state != Erasure.SWEEPING:
            queue.finish(lease)
            return
    with kept_alive(lease):
        ledger.write(lease.tenant_id, line_of(erasure))
        for reach in reaches():
            reach.sweep(lease.tenant_id, erasure.subject_id)
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        _tell_swept(Erasure.objects.select_for_update().get(pk=erasure.pk))
        queue.finish(lease)


def _tell_swept(erasure: Erasure) -> None:
    erasure.after, erasure.swept_at = counts(erasure.subject_id), now()
    due = is_due(erasure.subject_id)
    erasure.state = Erasure.MODELS_DUE if due else Erasure.SWEPT
    erasure.save(update_fields=["after", "swept_at", "state"])
    certify(erasure)
    record(
        AuditEvent.ERASURE_SWEPT,
        actor=ACTOR,
        object_id=erasure.public_id,
        details={"left": left(erasure.after), "models_due": due},
    )


def is_due(subject_id: int) -> bool:
    """Whether anything is allowed to stay for a while yet."""
    return any(reach.is_due(subject_id) for reach in reaches())


def look(tenant_id: UUID) -> None:
    """Periodic duty: sweep what was never swept, look again after a day, see what is over."""
    with tenant_scope(tenant_id):
        open_ones = Erasure.objects.exclude(state=Erasure.FINISHED)
        found = list(open_ones.order_by("id").values_list("id", "state"))
    for erasure_id, state in found:
        try:
            _go_on(tenant_id, erasure_id, state)
        except Exception:  # whatever broke here, the others' erasures must go on
            logger.exception(
                "erasure %s of tenant %s waits for the next look", erasure_id, tenant_id
            )


def _go_on(tenant_id: UUID, erasure_id: UUID, state: str) -> None:
    if state == Erasure.SWEEPING:
        _promise_again(tenant_id, erasure_id)
    else:
        _rescan(tenant_id, erasure_id)
        _end(tenant_id, erasure_id)


def _promise_again(tenant_id: UUID, erasure_id: UUID) -> None:
    """The queue gives up after many attempts; an erasure does not."""
    with tenant_scope(tenant_id):
        waits = WorkItem.objects.filter(
            tenant_id=tenant_id,
            kind="erasure",
            object_id=erasure_id,
            state__in=(WorkItem.WAITING, WorkItem.RUNNING),
        )
        if not waits.exists():
            queue.enqueue("erasure", tenant_id=tenant_id, object_id=erasure_id)


def _rescan(tenant_id: UUID, erasure_id: UUID) -> None:
    """A day after the sweep: count everything again, and erase what has come since. While anything
    is left of that, the second look is not done, and the next one tries again."""
    with tenant_scope(tenant_id):
        over = Erasure.objects.filter(
            pk=erasure_id, rescanned_at=None, swept_at__lte=now() - LOOK_AGAIN
        )
        erasure = over.first()
        found = overdue(erasure.subject_id) if erasure else {}
    if erasure is None:
        return
    if found:
        _erase_again(tenant_id, erasure.subject_id, found.keys())
    with tenant_scope(tenant_id):
        erasure = Erasure.objects.select_for_update().get(pk=erasure_id)
        if erasure.rescanned_at is not None:
            return
        still = overdue(erasure.subject_id) if found else {}
        if still:
            _tell_once(erasure, found, still)
            return
        erasure.rescanned_at = now()
        erasure.save(update_fields=["rescanned_at"])
        add_rescan(erasure, found, still)
        _tell_rescan(erasure, found, still)


def _erase_again(tenant_id: UUID, subject_id: int, found: Set[str]) -> None:
    """As the erasure itself did: rows and marks in one transaction, then what is no row."""
    with tenant_scope(tenant_id):
        stand_alone()
        for store in stores():
            if found & store.count(subject_id).keys():
                store.erase(subject_id)
        for reach in reaches():
            if reach.name in found:
                reach.mark(subject_id, ACTOR)
    for reach in reaches():
        reach.sweep(tenant_id, subject_id)


def _tell_once(erasure: Erasure, found: dict[str, int], still: dict[str, int]) -> None:
    """The first look that could not end; the log would fill up with one a minute."""
    same = {"action": AuditEvent.ERASURE_RESCANNED.value.action, "object_id": erasure.public_id}
    if not any(
        kind._default_manager.filter(**same).exists() for kind in (AuditEntry, AuditWaiting)
    ):
        _tell_rescan(erasure, found, still)


def _tell_rescan(erasure: Erasure, found: dict[str, int], still: dict[str, int]) -> None:
    record(
        AuditEvent.ERASURE_RESCANNED,
        actor=ACTOR,
        object_id=erasure.public_id,
        outcome="failure" if still else "success",
        details={"found": found, "left": still},
    )


def _end(tenant_id: UUID, erasure_id: UUID) -> None:
    """Nothing waits any more: after the second look the erasure is finished."""
    with tenant_scope(tenant_id):
        erasure = Erasure.objects.select_for_update().get(pk=erasure_id)
        if is_due(erasure.subject_id):
            return
        over = erasure.rescanned_at is not None
        state = Erasure.FINISHED if over else Erasure.SWEPT
        if state == erasure.state:
            return
        if erasure.state == Erasure.MODELS_DUE:
            add_models(erasure)
        erasure.state, erasure.finished_at = state, now() if over else None
        erasure.save(update_fields=["state", "finished_at"])
        if over:
            record(AuditEvent.ERASURE_FINISHED, actor=ACTOR, object_id=erasure.public_id)
