"""Copies of one act: what any of them withholds is withheld, in whatever order they come.

Narrows what is stored or held, and never widens it. An act that says itself that it may be used
for nothing is not stored; its keyed hash alone stays, so that a copy that says less changes
nothing. Runs in a tenant's scope.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import polars as pl
from django.db import connection
from django.utils.timezone import now

from tenants.behaviour.landing.quarantine import KEPT_FOR, most
from tenants.behaviour.landing.storing import GONE, act_bytes, acts_here
from tenants.behaviour.models import DeletedAct, QuarantinedRow
from tenants.isolation.binary_arrays import Uuids, array_cursor
from tenants.isolation.scope import current_tenant, tenant_scope

# The act, as 32 hexadecimal digits -> the purposes that its copies withhold.
Told = Mapping[str, set[str]]
# Longer than anybody takes to land rows.
MOMENT = timedelta(hours=1)
MANY = 5_000

# Held rows first, both in the order in which others lock them: who lands rows and who frees them.
TABLES = {
    "behaviour_quarantinedrow": "e.id",
    "behaviour_event": "e.subject_id, e.occurred_at, e.dedup",
}
NARROW = """
with told as (
    select t.dedup, t.withheld::text[] as withheld
    from unnest(%(acts)s::uuid[], %(withheld)s::text[]) as t (dedup, withheld)
), wider as (
    select e.dedup, told.withheld
    from {table} e join told on told.dedup = e.dedup
    where e.tenant_id = %(tenant)s and not coalesce(e.withheld, array[]::text[]) @> told.withheld
    order by {order} for update of e)
update {table} e
set withheld = array(select distinct unnest(e.withheld || wider.withheld) order by 1)
from wider where e.tenant_id = %(tenant)s and e.dedup = wider.dedup
"""
# Act by act, as in `storing`.
HELD = """
select act, held.withheld from unnest(%(acts)s) as act
cross join lateral (select withheld from behaviour_quarantinedrow
    where dedup = act and withheld is not null limit 1) as held
"""


def told_by(rows: pl.DataFrame) -> dict[str, set[str]]:
    """What rows (`dedup`, `withheld` as an array's text) withhold, by act."""
    told: dict[str, set[str]] = {}
    chosen = rows.filter(pl.col("withheld").is_not_null())
    for act, withheld in chosen.select("dedup", "withheld").iter_rows():
        told.setdefault(act, set()).update(withheld[1:-1].split(","))
    return told


def narrow_copies(told: Told) -> None:
    """Withhold this of the acts that are stored or held here, too."""
    if not told:
        return
    values: dict[str, Any] = {
        "tenant": current_tenant(),
        "acts": [UUID(act) for act in told],
        "withheld": [_array(purposes) for purposes in told.values()],
    }
    with connection.cursor() as cursor:
        for table, order in TABLES.items():
            cursor.execute(NARROW.format(table=table, order=order), values)


def keep_up(tenant_id: UUID) -> None:
    """Periodic duty: of copies that came at the same moment, one stored and one held, neither saw
    the other."""
    with tenant_scope(tenant_id):
        since = now() + KEPT_FOR - MOMENT
        held = QuarantinedRow.objects.filter(withheld__isnull=False, expires_at__gt=since)
        narrow_copies(
            {act.hex: set(told or ()) for act, told in held.values_list("dedup", "withheld")}
        )


def with_copies(rows: pl.DataFrame, told: Told) -> tuple[pl.DataFrame, list[int]]:
    """Each act once, with all that its copies here and in `told` withhold; the numbers of the
    rows that repeat one before them.
    """
    union = {act: set(purposes) for act, purposes in told.items()}
    for act, withheld in _held(rows):
        union.setdefault(act.hex, set()).update(withheld)
    once, again = rows, list[int]()
    if rows["dedup"].n_unique() < rows.height:
        once = rows.unique("dedup", keep="first", maintain_order=True)
        again = rows.filter(~pl.col("row").is_in(once["row"].implode()))["row"].to_list()
    if union:
        arrays = {act: _array(purposes) for act, purposes in union.items()}
        array = pl.col("dedup").replace_strict(arrays, default=None, return_dtype=pl.String)
        once = once.with_columns(withheld=array)
    return once, again


def shut(acts: Iterable[str], *, trusted: bool) -> None:
    """Store none of these acts from now on. Of a sender who is not `trusted`, only as many are
    remembered as may be held: they would fill the database.
    """
    found = sorted({UUID(act) for act in acts})
    told = DeletedAct.objects.filter(taken_back=False)
    if not found or (not trusted and told.count() + len(found) > most()):
        return
    DeletedAct.objects.bulk_create(
        [DeletedAct(dedup=act) for act in found], ignore_conflicts=True, batch_size=5000
    )


def shut_out(rows: pl.DataFrame) -> list[int]:
    """The numbers of rows whose act must not be stored (`DeletedAct`)."""
    acts = acts_here(rows["dedup"], GONE)
    return rows.filter(pl.col("dedup").is_in(acts))["row"].to_list() if acts else []


def _held(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Acts and what is withheld of them where they are held; a large file asks first whether any
    held row withholds anything."""
    anything = QuarantinedRow.objects.filter(withheld__isnull=False)
    if rows.height > MANY and not anything.exists():
        return []
    return _asked(HELD, rows["dedup"])


def _array(purposes: Iterable[str]) -> str:
    return f"{{{','.join(sorted(purposes))}}}"


def _asked(question: str, acts: pl.Series) -> list[tuple[Any, ...]]:
    """Asked with one array, however many acts there are."""
    with array_cursor() as cursor:
        cursor.execute(question, {"acts": Uuids(act_bytes(acts))}, binary=True)
        return list(cursor)
