"""Events sent one request at a time through the real door."""

from typing import Any

from django.test import Client

from tenants.accounts.keys import create_key
from tenants.accounts.tokens import PUBLIC
from tenants.behaviour.models import Event, EventBatch, Item, QuarantinedRow
from tenants.metering.models import Usage
from tenants.subjects.models import Subject

SHOP = "https://shop.example"
EMPTY = {"received": 0, "accepted": 0, "duplicate": 0, "quarantined": 0, "rejected": 0}


def event(**changed: Any) -> dict[str, Any]:
    """A sound event, or one that differs in a field; None leaves a field out."""
    told = {
        "user_id": "u1",
        "item_id": "i1",
        "type": "view",
        "occurred_at": "2026-03-01T10:00:00Z",
        **changed,
    }
    return {name: value for name, value in told.items() if value is not None}


def post(business, body: Any, *, key: str | None = None):
    """`body` is sent as JSON; bytes and texts as they are."""
    headers = {"Authorization": f"Bearer {key or business.key}", "Origin": SHOP}
    return Client().post("/v1/events", body, content_type="application/json", headers=headers)


def sent(business, *events: dict[str, Any], **how: Any) -> dict[str, Any]:
    """The answer to events that have the right form."""
    reply = post(business, {"events": list(events)}, **how)
    assert reply.status_code == 202, reply.content
    return reply.json()


def counts(answer: dict[str, Any]) -> dict[str, int]:
    """The counts of an answer that are not zero."""
    return {name: answer[name] for name in EMPTY if answer[name]}


def ended(answer: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(row["index"], row["outcome"], row["code"]) for row in answer["rows"]]


def public_key(business) -> str:
    with business.scope:
        return create_key(name="shop", kind=PUBLIC, origins=[SHOP], actor=business.actor)[1]


def kept(business) -> int:
    """How much the tenant has of what a request for events may make."""
    with business.scope:
        tables = (Event, QuarantinedRow, EventBatch, Item, Subject, Usage)
        return sum(table.objects.count() for table in tables)
