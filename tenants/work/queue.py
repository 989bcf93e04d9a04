"""Leased work as one primitive: enqueue, claim, renew, finish, give back, reap.

The row is the truth; a Celery message only says "look now". A lease carries a fencing token,
so that whoever lost it can no longer write.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, Q, Sum, Value, When
from django.db.models.functions import Now
from django.utils.module_loading import import_string
from kombu.exceptions import OperationalError

from tenants.work import shares
from tenants.work.kinds import Room, WorkKind
from tenants.work.models import WorkItem
from tenants.work.owners import is_gone, this_worker

logger = logging.getLogger(__name__)
SOON = timedelta(seconds=2)
# Slots of a worker that has not told of itself: only its threads bound what it takes.
_ANY = 32_767
# The doorbell's name: its task stands above this module, in `tasks`.
LOOK = "work.look"


class LeaseLost(Exception):
    """Somebody else owns this work now; stop, and write nothing more."""


@dataclass(frozen=True)
class Lease:
    """The right to work on one item until it runs out; `token` fences every write."""

    item_id: int
    tenant_id: UUID
    kind: str
    object_id: UUID
    token: int
    attempt: int
    seconds: int


# Work that runs already may have looked before this change: it is asked to look again. The lock
# on its row lasts until the caller commits, so it cannot finish between the two.
ENQUEUE = """
insert into work_workitem as w (tenant_id, kind, object_id, queue, state, again, code, attempts,
    lease_token, lease_owner, expected, slots)
values (%(tenant_id)s, %(kind)s, %(object_id)s, %(queue)s, 'waiting', false, '', 0, 0, '',
    %(expected)s, %(slots)s)
on conflict (tenant_id, kind, object_id) where state in ('waiting', 'running')
do update set again = w.state = 'running'
"""


def enqueue(
    kind: str, *, tenant_id: UUID, object_id: UUID, expected: float = 0.0, slots: int = 1
) -> None:
    """Promise the work and ring the doorbell on commit; twice the same is once.

    Asked for while it runs, the work runs once more after it has finished. `expected` is how many
    seconds it will probably need; it decides nothing. It waits until one worker of a fair queue
    has `slots` free.
    """
    queue = _kinds()[kind].queue
    if _is_fair(queue):
        shares.join(tenant_id, queue)
    values: dict[str, Any] = {
        "tenant_id": tenant_id,
        "kind": kind,
        "object_id": object_id,
        "queue": queue,
        "expected": expected,
        "slots": slots,
    }
    with connection.cursor() as cursor:
        cursor.execute(ENQUEUE, values)
    transaction.on_commit(lambda: ring(queue))


def ring(queue: str) -> None:
    """Tell the workers of `queue` to look; a lost message costs a few seconds, nothing else."""
    try:
        current_app.send_task(LOOK, args=(queue,), queue=queue, retry=False, ignore_result=True)
    except OperationalError:
        return  # Redis is away: beat rings again once it is back.


CLAIM = """
update work_workitem set state = 'running', again = false, attempts = attempts + 1,
    lease_token = lease_token + 1, lease_owner = %(owner)s,
    lease_until = statement_timestamp() + lease.length
from (values {leases}) as lease(kind, length)
where work_workitem.kind = lease.kind and id = ({choice})
returning id, tenant_id, work_workitem.kind, object_id, lease_token, attempts
"""


OLDEST = """
    select id from work_workitem where queue = %(queue)s and state = 'waiting'
        and kind = any(%(kinds)s) and run_at <= statement_timestamp()
    order by run_at, id for update skip locked limit 1
"""


def claim(queue: str) -> Lease | None:
    """Take the oldest waiting item of `queue`, or None; safe with any number of workers.

    Of a fair queue it is the item whose tenant's turn it is.
    """
    kinds = {name: kind for name, kind in _kinds().items() if kind.queue == queue}
    leases = ", ".join(f"('{name}', interval '{kind.lease} s')" for name, kind in kinds.items())
    fair = _is_fair(queue)
    values: dict[str, Any] = {"owner": this_worker(), "queue": queue, "kinds": list(kinds)}
    with transaction.atomic(), connection.cursor() as cursor:
        if fair:
            shares.take_the_scales(queue)
            values |= {"beforehand": shares.BEFOREHAND, "aging": shares.AGING, **_room(queue)}
        choice = shares.FAIREST if fair else OLDEST
        cursor.execute(CLAIM.format(leases=leases, choice=choice), values)
        row = cursor.fetchone()
    if row is None:
        return None
    item_id, tenant_id, name, object_id, token, attempt = row
    return Lease(item_id, tenant_id, name, object_id, token, attempt, kinds[name].lease)


ITS_OWN = """
    select id from work_workitem where tenant_id = %(tenant_id)s and kind = %(kind)s
        and object_id = %(object_id)s and state = 'waiting' for update skip locked
"""


def take(kind: str, *, tenant_id: UUID, object_id: UUID) -> Lease | None:
    """Take this item out of its turn, whatever else waits and runs; None unless it waits.

    For what is decided in a moment and asks for no place on a device.
    """
    length = _kinds()[kind].lease
    values: dict[str, Any] = {
        "owner": this_worker(), "kind": kind, "tenant_id": tenant_id, "object_id": object_id,
    }  # fmt: skip
    statement = CLAIM.format(leases=f"('{kind}', interval '{length} s')", choice=ITS_OWN)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    return Lease(row[0], tenant_id, kind, object_id, row[4], row[5], length) if row else None


def _room(queue: str) -> dict[str, int]:
    """How many slots one item may take of this worker, and how many are free now."""
    room: Room | None = import_string(settings.WORK_ROOM)()
    if room is None:
        return {"widest": _ANY, "free": _ANY}
    held = WorkItem.objects.filter(
        queue=queue, state=WorkItem.RUNNING, lease_owner=this_worker()
    ).aggregate(n=Sum("slots"))["n"]
    return {"widest": room.widest, "free": room.slots - (held or 0)}


def _kinds() -> dict[str, WorkKind]:
    return dict(settings.WORK_KINDS)


def _is_fair(queue: str) -> bool:
    return any(kind.fair for kind in _kinds().values() if kind.queue == queue)


def charge(lease: Lease, seconds: float, *, left: float | None = None) -> None:
    """Put seconds that the work has taken to its tenant's account in a fair queue.

    `left` is how many more it is expected to take.
    """
    shares.charge(lease.tenant_id, _kinds()[lease.kind].queue, seconds)
    if left is not None:
        WorkItem.objects.filter(pk=lease.item_id, lease_token=lease.token).update(expected=left)


def renew(lease: Lease) -> None:
    """Show progress: the lease runs its full length again. LeaseLost when it is not ours."""
    _write(lease, lease_until=Now() + timedelta(seconds=lease.seconds))


def hold(lease: Lease) -> None:
    """Inside the transaction of a result: lock the lease, so that nobody can take it over."""
    held = WorkItem.objects.select_for_update().filter(
        pk=lease.item_id, lease_token=lease.token, state=WorkItem.RUNNING
    )
    if not held.exists():
        raise LeaseLost(f"{lease.kind} {lease.object_id}")


def finish(lease: Lease, *, code: str = "") -> None:
    """Close the item: done, or failed when `code` names why. LeaseLost when it is not ours.

    What was asked for again meanwhile goes back to the queue instead, as new.
    """
    closed = WorkItem.FAILED if code else WorkItem.DONE
    _write(
        lease,
        state=Case(When(again=True, then=Value(WorkItem.WAITING)), default=Value(closed)),
        attempts=Case(When(again=True, then=Value(0)), default=F("attempts")),
        again=False,
        code=code,
        run_at=Now(),
        finished_at=Now(),
        lease_until=None,
    )


def give_back(lease: Lease, *, charge: bool, wait: timedelta = timedelta(0)) -> None:
    """Return the item to the queue; a stop that is not the work's fault costs no attempt."""
    attempts = F("attempts") if charge else F("attempts") - 1
    _write(
        lease,
        state=WorkItem.WAITING,
        attempts=attempts,
        run_at=Now() + wait,
        lease_until=None,
    )


def hasten(kind: str, *, tenant_id: UUID) -> None:
    """The tenant's oldest object of this kind need wait no longer: what it waited for has ended.

    Inside the transaction that ends it.
    """
    waiting = WorkItem.objects.filter(tenant_id=tenant_id, kind=kind, state=WorkItem.WAITING)
    oldest = waiting.filter(run_at__gt=Now()).order_by("object_id").values("pk")[:1]
    if WorkItem.objects.filter(pk__in=oldest).update(run_at=Now()):
        transaction.on_commit(lambda: ring(_kinds()[kind].queue))


def _write(lease: Lease, **values: Any) -> None:
    mine = WorkItem.objects.filter(
        pk=lease.item_id, lease_token=lease.token, state=WorkItem.RUNNING
    )
    if not mine.update(**values):
        raise LeaseLost(f"{lease.kind} {lease.object_id}")


def reap() -> list[str]:
    """Put items whose lease ran out back into their queue, and those whose worker has died beside
    us, which nobody need wait for; returns the queues to ring."""
    running = WorkItem.objects.filter(state=WorkItem.RUNNING)
    owners = running.values_list("lease_owner", flat=True).distinct()
    gone = [owner for owner in owners if is_gone(owner)]
    left = running.filter(Q(lease_until__lt=Now()) | Q(lease_owner__in=gone))
    told = list(left.values_list("kind", "tenant_id", "object_id"))
    left.update(state=WorkItem.WAITING, lease_until=None, run_at=Now())
    for name, tenant_id, object_id in told:
        _tell_left(name, tenant_id, object_id)
    waiting = WorkItem.objects.filter(state=WorkItem.WAITING, run_at__lte=Now())
    return sorted(set(waiting.values_list("queue", flat=True)))


def _tell_left(name: str, tenant_id: UUID, object_id: UUID) -> None:
    kind = _kinds().get(name)
    if kind is None or not kind.left:
        return
    try:
        import_string(kind.left)(tenant_id, object_id)
    except Exception:  # whatever broke here, it waits for its turn, and the others must be told
        logger.exception("%s %s was left by its worker", name, object_id)
