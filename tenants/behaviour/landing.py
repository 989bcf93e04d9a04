"""Landing cleaned rows in the database: events behind consent, items as they are.

Runs in a tenant's scope, in the one transaction of a batch.
"""

from uuid import UUID

import polars as pl

from tenants.behaviour import quarantine
from tenants.behaviour.catalogue import items_of_events, store_items
from tenants.behaviour.identity import identities
from tenants.behaviour.landed import Landed
from tenants.behaviour.storing import store_events
from tenants.consent.queries import storable, why_not_storable
from tenants.isolation.keys import tenant_key
from tenants.isolation.scope import current_tenant
from tenants.subjects.directory import resolve


def land_events(rows: pl.DataFrame, upload_id: UUID) -> Landed:
    """Store events of subjects who consent to any use; hold the others back.

    `rows` has EVENT_COLUMNS of `cleaning`; `upload_id` is the upload or the event batch they came
    with. Safe with concurrent callers: all of them lock items, subjects and events in one order.
    """
    if not rows.height:
        return Landed()
    items, created = items_of_events(rows)
    subjects = resolve(rows["user_id"].unique())
    staged = _staged(rows, subjects, items)
    allowed = storable(subjects.values())
    may = pl.col("subject").is_in(sorted(allowed))
    stored_before = store_events(staged.filter(may), upload_id)
    withheld, held_before = _hold_back(staged.filter(~may), upload_id)
    if stored_before or held_before:
        withheld["duplicate", "already_stored"] = [*stored_before, *held_before]
    return Landed(withheld, items_created=created, acts=staged["dedup"].to_list())


def _staged(rows: pl.DataFrame, subjects: dict[str, int], items: dict[str, int]) -> pl.DataFrame:
    """The rows with integers for ids, and the hash by which an act counts once."""
    key = tenant_key(current_tenant(), "dedup")
    return rows.with_columns(
        pl.col("user_id").replace_strict(subjects, return_dtype=pl.Int64).alias("subject"),
        pl.col("item_id").replace_strict(items, return_dtype=pl.Int64).alias("item"),
        pl.Series("dedup", [digest.hex() for digest in identities(rows, key)], dtype=pl.String),
    )


def _hold_back(
    staged: pl.DataFrame, upload_id: UUID
) -> tuple[dict[tuple[str, str], list[int]], list[int]]:
    """Quarantine rows; their numbers by code, and those that were held already."""
    codes = why_not_storable(staged["subject"].unique())
    before = quarantine.hold(staged, codes, upload_id)
    new = staged.filter(~pl.col("row").is_in(before))
    withheld: dict[tuple[str, str], list[int]] = {}
    for row, subject in new.select("row", "subject").iter_rows():
        withheld.setdefault(("quarantined", codes.get(subject) or "no_record"), []).append(row)
    return withheld, before


def land_items(rows: pl.DataFrame, upload_id: UUID) -> Landed:
    """Make or replace the catalogue's items. `rows` has ITEM_COLUMNS of `item_cleaning`."""
    return Landed(items_created=store_items(rows) if rows.height else 0)
