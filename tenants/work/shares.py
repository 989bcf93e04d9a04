"""Taking turns in a fair queue: the tenant that was served least, over its weight, comes first.

Deficit round robin, with the account on a scale that only grows: a deficit is how far a tenant
stands behind the others. Waiting lowers the account for as long as it lasts, so nobody starves.
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from tenants.work.models import WorkShare

# Served seconds that one second of waiting outweighs: who waits an hour comes before whoever was
# served six minutes less. Small, or the fuller queue of a tenant would count as its need.
AGING = 0.1
# Seconds that count for each item that runs: its first charge is yet to come.
BEFOREHAND = 60.0


def rank(served: float, held: int, weight: float, waited: float) -> float:
    """By what items are compared, the smallest first; the same as in the statement below. `held`
    counts the slots that the tenant's items have."""
    return served + held * BEFOREHAND / weight - AGING * waited


# The join is outside the lock: accounts are charged while others choose. Whose turn it is among
# what this worker could run at all; while that finds too few free slots nothing else is begun, or
# what needs several would wait for ever behind what needs one.
FAIREST = """
    select first.id from (
    select w.id, w.slots from work_workitem w
    left join work_workshare s on s.tenant_id = w.tenant_id and s.queue = w.queue
    left join (select tenant_id, count(*) as items, sum(slots) as slots from work_workitem
        where queue = %(queue)s and state = 'running' group by tenant_id) r
        on r.tenant_id = w.tenant_id
    where w.queue = %(queue)s and w.state = 'waiting' and w.kind = any(%(kinds)s)
        and w.run_at <= statement_timestamp() and coalesce(r.items, 0) < coalesce(s.at_once, 1)
        and w.slots <= %(widest)s
    order by coalesce(s.served, 0) + coalesce(r.slots, 0) * %(beforehand)s / coalesce(s.weight, 1)
        - %(aging)s * extract(epoch from statement_timestamp() - w.run_at), w.run_at, w.id
    for update of w skip locked limit 1) first where first.slots <= %(free)s
"""

# A tenant that joins starts where the hindmost of those present stands, or where the foremost
# stood when nobody is: rest earns no credit, and leaving clears no debt.
JOIN = """
with present as (
    select tenant_id from work_workitem where queue = %(queue)s
        and (state = 'running' or state = 'waiting' and run_at <= statement_timestamp())
), start as (
    select coalesce(min(served) filter (where tenant_id in (select tenant_id from present)),
        max(served), 0) as served,
        %(tenant_id)s in (select tenant_id from present) as is_present
    from work_workshare where queue = %(queue)s
)
insert into work_workshare as s (tenant_id, queue, served, weight, at_once)
select %(tenant_id)s, %(queue)s, served, %(weight)s, %(at_once)s from start
on conflict (tenant_id, queue) do update set weight = excluded.weight, at_once = excluded.at_once,
    served = case when (select is_present from start) then s.served
        else greatest(s.served, excluded.served) end
"""

CHARGE = """
update work_workshare set served = served + %s / weight where tenant_id = %s and queue = %s
"""


def take_the_scales(queue: str) -> None:
    """Inside a claim's transaction: one worker at a time chooses from this queue.

    Two that choose at once would not see what the other one starts.
    """
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"work:{queue}"])


def join(tenant_id: UUID, queue: str) -> None:
    """Open or bring up to date the account of a tenant that gets an item into `queue`."""
    weight, at_once = import_string(settings.WORK_SHARE)(tenant_id)
    values: dict[str, Any] = {
        "tenant_id": tenant_id,
        "queue": queue,
        "weight": weight,
        "at_once": at_once,
    }
    with connection.cursor() as cursor:
        cursor.execute(JOIN, values)


def charge(tenant_id: UUID, queue: str, seconds: float) -> None:
    """Add seconds of service to an account; a queue that is not fair has none."""
    with connection.cursor() as cursor:
        cursor.execute(CHARGE, [seconds, tenant_id, queue])


def set_share(tenant_id: UUID, *, weight: float, at_once: int) -> None:
    """From the next claim on the tenant weighs so much, and so many of its items run at once."""
    WorkShare.objects.filter(tenant_id=tenant_id).update(weight=weight, at_once=at_once)
