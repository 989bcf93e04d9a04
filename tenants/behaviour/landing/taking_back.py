"""Cancelled orders take back the purchases that they cancel. Runs in a tenant's scope, in the
transaction of the batch that brings them, after its events were stored.

A cancellation takes its quantity from the latest stored purchase of the same person and item before
it that has at least as many; what is taken back whole is deleted, and only its keyed hash stays, so
that no copy brings it again. A cancellation counts once by its own hash. One that finds no purchase
is not remembered: sent again once the purchase is here, it takes it back. Rows held back for want
of consent are not looked at: they are sealed under the person's own key, and are opened by that
person's consent alone.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import polars as pl
from django.db import connection

from tenants.behaviour.landing.identity import identities
from tenants.behaviour.models import DeletedAct, Event, Item
from tenants.isolation.lasting import lasting_key
from tenants.isolation.scope import current_tenant
from tenants.subjects.directory import known

AGAIN = "cancellation_again"
UNMATCHED = "cancellation_unmatched"
# In the order in which others lock events. By person first: no index has person, item and type,
# and a look through the whole table for each batch would cost more the more is stored.
PURCHASES = """
select e.dedup, e.subject_id, e.item_id, e.type, e.occurred_at, coalesce(e.quantity, 1)
from behaviour_event e
where e.subject_id = any(%(subjects)s::bigint[]) and (e.subject_id, e.item_id, e.type) in (
    select * from unnest(%(subjects)s::bigint[], %(items)s::bigint[], %(types)s::smallint[]))
order by e.subject_id, e.occurred_at, e.dedup
for update of e
"""
LESSEN = """
update behaviour_event e
set quantity = n.quantity, value = e.value * n.quantity / nullif(coalesce(e.quantity, 1), 0)
from unnest(%(acts)s::uuid[], %(quantities)s::float8[]) as n (dedup, quantity)
where e.tenant_id = %(tenant)s and e.dedup = n.dedup
"""

Key = tuple[int, int, int]  # subject, item, type


@dataclass
class Purchase:
    """A stored purchase; `quantity` falls with what is taken back."""

    act: UUID
    at: datetime
    quantity: float
    lessened: bool = False


@dataclass(frozen=True)
class Cancellation:
    """A row that cancels; without a quantity it cancels a purchase whole, whatever its own."""

    row: int
    act: UUID
    key: Key | None
    at: datetime
    quantity: float | None


def take_back(cancelled: pl.DataFrame) -> dict[int, str]:
    """How rows ended that took nothing back: their numbers with AGAIN or UNMATCHED.

    `cancelled` has the columns `cleaning.CANCELLED`.
    """
    rows = list(_cancellations(cancelled))
    acts = DeletedAct.objects.filter(dedup__in=[one.act for one in rows])
    done = set(acts.values_list("dedup", flat=True))
    purchases = _purchases({one.key for one in rows if one.key and one.act not in done})
    ended: dict[int, str] = {}
    for one in sorted(rows, key=lambda one: (one.at, one.row)):
        if one.act in done:
            ended[one.row] = AGAIN
        elif one.key and _take(purchases.get(one.key, []), one):
            done.add(one.act)
        else:
            ended[one.row] = UNMATCHED
    took = [one.act for one in rows if one.row not in ended]
    _store([each for several in purchases.values() for each in several], took)
    return ended


def _take(purchases: list[Purchase], one: Cancellation) -> bool:
    """Take the quantity from the latest purchase that has it, of several of one moment from the
    smallest; whether there was one."""
    for each in reversed(purchases):
        wanted = each.quantity if one.quantity is None else one.quantity
        if each.at <= one.at and 0 < wanted <= each.quantity:
            each.quantity -= wanted
            each.lessened = True
            return True
    return False


def _cancellations(cancelled: pl.DataFrame) -> Iterator[Cancellation]:
    subjects = known(cancelled["user_id"].unique())
    names = cancelled["item_id"].unique().to_list()
    items = dict(Item.objects.filter(external_id__in=names).values_list("external_id", "id"))
    acts = identities(cancelled, lasting_key(current_tenant(), "dedup"))
    columns = ("row", "user_id", "item_id", "type_code", "occurred_at", "quantity")
    for act, told in zip(acts, cancelled.select(columns).iter_rows(), strict=True):
        row, user, item, kind, at, quantity = told
        here = user in subjects and item in items
        yield Cancellation(
            row=row,
            act=UUID(act),
            key=(subjects[user], items[item], kind) if here else None,
            at=at,
            quantity=None if quantity is None else abs(quantity),
        )


def _purchases(keys: set[Key]) -> Mapping[Key, list[Purchase]]:
    """The stored purchases of these persons and items, each list in the order of time, locked."""
    found: defaultdict[Key, list[Purchase]] = defaultdict(list)
    if not keys:
        return found
    subjects, items, types = (list(column) for column in zip(*sorted(keys), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(PURCHASES, {"subjects": subjects, "items": items, "types": types})
        for act, subject, item, kind, at, quantity in cursor.fetchall():
            found[subject, item, kind].append(Purchase(act, at, quantity))
    for several in found.values():
        # They come by their keyed hash where moments are equal: another in each installation.
        several.sort(key=lambda each: (each.at, -each.quantity))
    return found


def _store(purchases: list[Purchase], cancellations: list[UUID]) -> None:
    """Delete what was taken back whole, lessen the rest, remember what counts once."""
    gone = [each.act for each in purchases if each.lessened and each.quantity <= 0]
    less = [each for each in purchases if each.lessened and each.quantity > 0]
    Event.objects.filter(dedup__in=gone).delete()
    if less:
        with connection.cursor() as cursor:
            cursor.execute(
                LESSEN,
                {
                    "tenant": current_tenant(),
                    "acts": [each.act for each in less],
                    "quantities": [each.quantity for each in less],
                },
            )
    DeletedAct.objects.bulk_create(
        [DeletedAct(dedup=act, taken_back=True) for act in sorted({*gone, *cancellations})],
        ignore_conflicts=True,
        batch_size=5000,
    )
