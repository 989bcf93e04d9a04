"""Writing items: from a catalogue, uploaded or told, or as event rows first name them.

An event fills in what nothing stands for and changes nothing; a removed item comes back by a
catalogue alone. An event that came by a public key, which is anybody's, tells nothing of an item:
an unknown one is made bare and not recommended until a catalogue or a trusted sender describes it.
"""

import json
from collections.abc import Iterable
from typing import Any

import polars as pl

from tenants.behaviour.models import Item
from tenants.isolation.binary_arrays import Doubles, Moments, Texts, array_cursor
from tenants.isolation.binary_copy import EPOCH
from tenants.isolation.scope import current_tenant

# An item of which the events tell nothing new is not locked: the popular ones stand in most of a
# tenant's requests, which would wait for each other.
FROM_EVENTS = """
with told as (
    select n.external_id, n.title, n.category, nullif(n.price, 'NaN') as price, n.first_seen_at,
        i.id, coalesce(i.id is null or not i.described or i.title = '' and n.title <> ''
        or i.category = '' and n.category <> '' or i.price is null and n.price <> 'NaN'
        or i.first_seen_at is null or n.first_seen_at < i.first_seen_at, true) as is_new
    from unnest(%(external_id)s, %(title)s, %(category)s, %(price)s, %(first_seen_at)s)
        as n (external_id, title, category, price, first_seen_at)
    left join behaviour_item i
        on i.tenant_id = %(tenant)s and i.external_id = n.external_id
), written as (
    insert into behaviour_item as i (tenant_id, external_id, title, text, category, price,
        attributes, available, described, first_seen_at, updated_at)
    select %(tenant)s, n.external_id, n.title, '', n.category, n.price, '{}'::jsonb, true, true,
        n.first_seen_at, now()
    from told as n where n.is_new order by n.external_id
    on conflict (tenant_id, external_id) do update set
        title = case when i.title = '' then excluded.title else i.title end,
        category = case when i.category = '' then excluded.category else i.category end,
        price = coalesce(i.price, excluded.price),
        available = i.available or not i.described,
        described = true,
        first_seen_at = least(i.first_seen_at, excluded.first_seen_at),
        updated_at = now()
    returning i.external_id, i.id, (xmax = 0) as created)
select external_id, id, created from written
union all select external_id, id, false from told where not is_new
"""

BARE = """
insert into behaviour_item (tenant_id, external_id, title, text, category, attributes, available,
    described, updated_at)
select %(tenant)s, n.external_id, '', '', '', '{}'::jsonb, false, false, now()
from unnest(%(external_id)s) as n (external_id)
on conflict (tenant_id, external_id) do nothing
"""

FROM_CATALOGUE = """
insert into behaviour_item as i (tenant_id, external_id, title, text, category, price, attributes,
    available, described, updated_at)
select %(tenant)s, n.external_id, n.title, n.text, n.category, nullif(n.price, 'NaN'),
    n.attributes::jsonb, n.available, true, now()
from unnest(%(external_id)s, %(title)s, %(text)s, %(category)s, %(price)s, %(attributes)s,
    %(available)s::boolean[])
    as n (external_id, title, text, category, price, attributes, available)
on conflict (tenant_id, external_id) do update set
    title = excluded.title, text = excluded.text, category = excluded.category,
    price = excluded.price, attributes = excluded.attributes, available = excluded.available,
    described = true, removed_at = null, updated_at = now()
returning i.external_id, i.id, (xmax = 0) as created
"""


def items_of_events(rows: pl.DataFrame) -> tuple[dict[str, int], int]:
    """External id -> integer id for every item that cleaned event rows name, made where new.

    The title most often used becomes a new item's title. Returns also how many are new.
    """
    told = (
        rows.lazy()
        .group_by("item_id")
        .agg(
            _most_used(rows, "item_title"),
            _most_used(rows, "item_category"),
            pl.col("price").median(),
            pl.col("occurred_at").min().dt.epoch("us"),
        )
        .sort("item_id")  # one order for all writers: no deadlock between two uploads
        .collect()
    )
    return _write(
        FROM_EVENTS,
        external_id=Texts(told["item_id"]),
        title=Texts(told["item_title"]),
        category=Texts(told["item_category"]),
        price=Doubles(told["price"].fill_null(float("nan")).to_numpy()),
        first_seen_at=Moments(told["occurred_at"].to_numpy() - EPOCH),
    )


def _most_used(rows: pl.DataFrame, name: str) -> pl.Expr:
    """The text most often given, by its letters where several are; "" where none is."""
    if rows[name].null_count() == rows.height:
        return pl.lit("").alias(name)
    return pl.col(name).drop_nulls().mode().sort().first().fill_null("")


def bare_items(rows: pl.DataFrame) -> tuple[dict[str, int], int]:
    """The same for rows whose sender is not trusted: what they tell of items is not looked at."""
    names = rows["item_id"].unique().sort().to_list()
    with array_cursor() as cursor:
        cursor.execute(BARE, {"tenant": current_tenant(), "external_id": Texts(names)})
        created = cursor.rowcount
    found = Item.objects.filter(external_id__in=names).values_list("external_id", "id")
    return dict(found), created


def store_items(rows: pl.DataFrame) -> int:
    """Make or replace the items of a cleaned catalogue; returns how many are new."""
    rows = rows.sort("item_id")
    _, created = _write(
        FROM_CATALOGUE,
        external_id=Texts(rows["item_id"]),
        title=Texts(rows["title"].fill_null("")),
        text=Texts(rows["text"].fill_null("")),
        category=Texts(rows["category"].fill_null("")),
        price=Doubles(rows["price"].fill_null(float("nan")).to_numpy()),
        attributes=Texts(rows["attributes"].fill_null(json.dumps({}))),
        available=rows["available"].fill_null(True).to_list(),
    )
    return created


def _write(statement: str, **columns: Any) -> tuple[dict[str, int], int]:
    with array_cursor() as cursor:
        cursor.execute(statement, {"tenant": current_tenant(), **columns}, binary=True)
        rows: Iterable[tuple[str, int, bool]] = cursor.fetchall()
    ids: dict[str, int] = {}
    created = 0
    for external_id, item_id, new in rows:
        ids[external_id] = item_id
        created += new
    return ids, created
