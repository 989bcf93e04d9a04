"""An upload's batches up to the point where the database is needed: read, cleaned, hashed, looked
through for what is personal. Runs beside the storing of the batch before (`ahead`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from tenants.behaviour.cleaning.item_texts import measured
from tenants.behaviour.cleaning.personal_texts import kinds_by_row
from tenants.behaviour.cleaning.sifting import Cleaned, Seen
from tenants.behaviour.columns.mapping import Plan
from tenants.behaviour.landing.event_landing import with_acts
from tenants.behaviour.processing.kinds import Kind
from tenants.behaviour.reading.tables import Table


@dataclass(frozen=True)
class Ready:
    """A cleaned batch, with `kinds_by_row` of its rows and what `item_texts` counts in them."""

    cleaned: Cleaned
    personal: pl.DataFrame
    texts: Mapping[str, int] = field(default_factory=dict)


def prepared(
    table: Table, plan: Plan, kind: Kind, *, moment: datetime, key: bytes, done: int
) -> Iterator[Ready]:
    """Every batch of the file, in its order.

    `moment` is when the file was accepted, `key` the tenant's for hashes of acts. Of the first
    `done` batches, which are stored already, there is only what the next ones need.
    """
    for number, cleaned in enumerate(_cleaned(table, plan, kind, moment)):
        if number < done:
            yield Ready(cleaned, personal=kinds_by_row(cleaned.rows.clear()))
            continue
        rows = with_acts(cleaned.rows, key) if kind.acts else cleaned.rows
        yield Ready(replace(cleaned, rows=rows), personal=kinds_by_row(rows), texts=measured(rows))


def _cleaned(table: Table, plan: Plan, kind: Kind, moment: datetime) -> Iterator[Cleaned]:
    seen: Seen | None = None
    for batch in table.batches(plan.columns):
        cleaned = kind.clean(batch, plan, moment, seen)
        seen = cleaned.seen
        yield replace(cleaned, batch=batch)
