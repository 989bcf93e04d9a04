"""Events as they happen: what requests tell, through the cleaning and the landing of uploads.

Knows nothing about HTTP. Another way in (a tracking protocol) makes plain rows and calls this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from django.db import transaction

from tenants.audit.actor import Actor
from tenants.behaviour.cleaning.event_cleaning import clean_events
from tenants.behaviour.columns.event_context import PREFIX, check_keys
from tenants.behaviour.columns.mapping import Plan, make_plan
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.columns.schema import EVENTS as EVENT_COLUMNS
from tenants.behaviour.landing.event_landing import land_events
from tenants.behaviour.streaming.records import AcceptedEvents, recorded
from tenants.behaviour.streaming.told import Told, context_keys, gathered, row_of, with_uploads
from tenants.behaviour.types.event_types import event_types
from tenants.metering.meters import EVENTS, HELD
from tenants.metering.queries import check_month
from tenants.metering.record import count

# Events that one request of `/v1/events` may hold.
MOST = 500


@cache
def _options() -> UploadOptions:
    """How fast a person acts cannot be told from one request: a client sends what it gathered.

    Never made at import: it starts polars' threads, and a process that has them must not fork.
    """
    return UploadOptions(acts_per_minute=0)


@cache
def plan() -> Plan:
    """Every column under its own name, read as an upload without options is, at any rate."""
    columns = [column.name for column in EVENT_COLUMNS.columns]
    return make_plan(EVENT_COLUMNS.name, columns, options=_options())


def plan_with(keys: Sequence[str]) -> Plan:
    """The plan with these context keys read, too; raises UploadRefused too_much_context."""
    named = {f"{PREFIX}{key}": f"{PREFIX}{key}" for key in keys}
    if not named:
        return plan()
    check_keys(named, param="context")
    columns = [*plan().columns, *named]
    return make_plan(EVENT_COLUMNS.name, columns, mapping=named, options=_options())


def _plan_of_tenant(keys: Sequence[str]) -> Plan:
    """The same with the event types of the tenant in scope."""
    return replace(plan_with(keys), types=event_types())


def accept_events(
    *, events: Sequence[Mapping[str, Any]], actor: Actor, trusted: bool
) -> AcceptedEvents:
    """`accept_together` of one request, whose events are mappings as `row_of` takes them."""
    told = Told([row_of(event) for event in events], actor)
    return accept_together([told], trusted=trusted)[0]


@transaction.atomic
def accept_together(requests: Sequence[Told], *, trusted: bool) -> list[AcceptedEvents]:
    """Store what may be stored now, in the transaction of the caller, and record the counts of each
    request; one answer for each.

    An event at fault ends with the code it would have in an upload, and the others count. What a
    sender who is not `trusted` tells of items and as context is not believed. `passed_over`: what
    the request told beside them that can be no event, for its record. TooMany when the month's are
    used up; UploadRefused on context keys that an upload's mapping could not name.
    """
    check_month(EVENTS)
    return land_together(requests, trusted=trusted)


@transaction.atomic
def land_together(requests: Sequence[Told], *, trusted: bool) -> list[AcceptedEvents]:
    """The same of requests that were acknowledged before, whatever is left of the month. What lies
    ahead of its time is judged by when its request came, consent by what it is now.
    """
    keys = context_keys(requests) if trusted else []
    batch, came = gathered(requests, keys)
    cleaned = clean_events(batch, _plan_of_tenant(keys), now=came)
    rows = cleaned.rows if len(requests) == 1 else with_uploads(cleaned.rows, requests)
    landed = land_events(rows, requests[0].id, trusted=trusted)
    answers = recorded(requests, cleaned, landed)
    count(EVENTS, sum(answer.batch.accepted for answer in answers))
    count(HELD, sum(answer.batch.quarantined for answer in answers))
    return answers
