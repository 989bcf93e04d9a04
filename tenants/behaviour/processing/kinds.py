"""How each kind of upload is cleaned, landed and counted: one table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import polars as pl

from tenants.behaviour.cleaning.consent_cleaning import clean_consents
from tenants.behaviour.cleaning.event_cleaning import clean_events
from tenants.behaviour.cleaning.item_cleaning import clean_items
from tenants.behaviour.cleaning.sifting import Cleaned, Seen
from tenants.behaviour.columns.mapping import Plan
from tenants.behaviour.landing.consent_landing import WORDS, land_consents
from tenants.behaviour.landing.event_landing import land_events, land_items
from tenants.behaviour.landing.landed import Landed
from tenants.behaviour.models import Upload
from tenants.behaviour.reading.tables import Batch
from tenants.metering.meters import EVENTS


@dataclass(frozen=True)
class Kind:
    """How batches of one kind of upload are cleaned and landed.

    `people` names their column; `meter` counts the rows that were stored; `acts`: a row counts
    once by its hash.
    """

    clean: Callable[[Batch, Plan, datetime, Seen | None], Cleaned]
    land: Callable[[pl.DataFrame, UUID, Plan], Landed]
    people: str | None = None
    meter: str | None = None
    acts: bool = False


KINDS = {
    Upload.EVENTS: Kind(
        lambda batch, plan, moment, seen: clean_events(batch, plan, now=moment, earlier=seen),
        lambda rows, upload_id, plan: land_events(
            rows, upload_id, trusted=True, known_items_only=plan.options.known_items_only
        ),
        people="user_id",
        meter=EVENTS,
        acts=True,
    ),
    Upload.ITEMS: Kind(
        lambda batch, plan, moment, seen: clean_items(batch, plan, now=moment, earlier=seen),
        lambda rows, upload_id, plan: land_items(rows, upload_id),
    ),
    Upload.CONSENTS: Kind(
        lambda batch, plan, moment, seen: clean_consents(
            batch, plan, WORDS, now=moment, earlier=seen
        ),
        lambda rows, upload_id, plan: land_consents(rows, upload_id),
        people="user_id",
    ),
}
