"""Items told one request at a time: made or replaced, changed, removed.

They pass the cleaning of uploads. A removed item keeps its row, because events tell of it and
people may ask what is stored of them; it is in no answer from the next one on, and whoever tells of
it again brings it back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.cleaning.item_cleaning import clean_items
from tenants.behaviour.cleaning.sifting import ID_LENGTH, Cleaned
from tenants.behaviour.columns.mapping import Plan, make_plan
from tenants.behaviour.columns.schema import ITEMS
from tenants.behaviour.landing.catalogue import store_items
from tenants.behaviour.models import Item
from tenants.behaviour.processing.report import bucket_of
from tenants.behaviour.reading.tables import Batch
from tenants.behaviour.wording import item_text
from tenants.errors import AppError, NotFound

MOST = 500
TYPES = {"price": pl.Float64, "available": pl.Boolean}
FIELDS = ("title", "text", "category", "price", "available", "attributes")


@dataclass(frozen=True)
class EndedItem:
    """An item that was not stored: its place in the request, from 0, and why."""

    index: int
    outcome: str
    code: str


@dataclass(frozen=True)
class StoredItems:
    """How many were stored, how many of them are new, and what became of the others, in order."""

    received: int
    stored: int
    created: int
    ended: tuple[EndedItem, ...]


@transaction.atomic
def set_items(*, items: Sequence[Mapping[str, Any]], actor: Actor) -> StoredItems:
    """Make or replace items as a whole; what is left out of one is empty then.

    `items` are mappings by the columns of `schema.ITEMS`: texts, a float for price, a bool for
    available, a mapping for attributes. One at fault ends with the code it would have in an upload.
    """
    cleaned = _cleaned(items)
    created = store_items(cleaned.rows) if cleaned.rows.height else 0
    ended = tuple(EndedItem(row - 1, bucket_of(c), c) for row, c in cleaned.marks.iter_rows())
    counts = {"received": len(items), "stored": cleaned.rows.height, "created": created}
    record(AuditEvent.ITEMS_STORED, actor=actor, details={"counts": counts})
    return StoredItems(**counts, ended=ended)


@transaction.atomic
def change_item(*, item_id: str, changes: Mapping[str, Any], actor: Actor) -> Item:
    """Change the named FIELDS of an item and leave the others. NotFound; AppError `bad_item`."""
    item = _locked(item_id)
    if item is None or item.removed_at:
        raise NotFound("item")
    before = {name: getattr(item, name) for name in FIELDS}
    if not item.described:  # it was kept back for want of a description
        before["available"] = True
    cleaned = _cleaned([{**before, **changes, "item_id": item_id}])
    for code in cleaned.marks["code"]:
        raise AppError("bad_item", item_text(bucket_of(code), code))
    store_items(cleaned.rows)
    record(
        AuditEvent.ITEM_CHANGED,
        actor=actor,
        object_id=item_id,
        details={"changed": sorted(changes)},
    )
    item.refresh_from_db()
    return item


@transaction.atomic
def remove_item(*, item_id: str, actor: Actor) -> Item:
    """Take an item out of every answer and list; again is the same. NotFound without one."""
    item = _locked(item_id)
    if item is None:
        raise NotFound("item")
    if item.removed_at is None:
        item.removed_at, item.available, item.described = now(), False, True
        item.save(update_fields=["removed_at", "available", "described", "updated_at"])
        record(AuditEvent.ITEM_REMOVED, actor=actor, object_id=item_id)
    return item


def find_item(item_id: str) -> Item:
    """The item under the tenant's own id; NotFound when there is none or it was removed."""
    found = _named(item_id).filter(removed_at=None).first()
    if found is None:
        raise NotFound("item")
    return found


def _locked(item_id: str) -> Item | None:
    return _named(item_id).select_for_update().first()


def _named(item_id: str) -> "QuerySet[Item]":
    """Rows under the id; an id that no item can have is none's."""
    if not item_id.isprintable() or len(item_id) > ID_LENGTH:
        return Item.objects.none()
    return Item.objects.filter(external_id=item_id)


@cache
def _plan() -> Plan:
    """Every column under its own name. Never made at import: it starts polars' threads."""
    return make_plan(ITEMS.name, [column.name for column in ITEMS.columns])


def _cleaned(items: Sequence[Mapping[str, Any]]) -> Cleaned:
    """The items through the chain of uploads, numbered from 1."""
    told = [{**item, "attributes": _attributes(item.get("attributes"))} for item in items]
    columns = [
        pl.Series(
            column.name,
            [item.get(column.name) for item in told],
            dtype=TYPES.get(column.name, pl.String),
        )
        for column in ITEMS.columns
    ]
    batch = Batch(
        rows=pl.int_range(1, len(told) + 1, dtype=pl.Int64, eager=True),
        faults=pl.Series([None] * len(told), dtype=pl.String),
        frame=pl.DataFrame(columns),
    )
    return clean_items(batch, _plan(), now=now())


def _attributes(told: Mapping[str, Any] | None) -> str | None:
    return json.dumps(told, ensure_ascii=False, sort_keys=True) if told else None
