"""Requests of the tracking API, as a library sends them."""

import base64
import gzip
import json
from typing import Any

from django.test import Client

from tenants.behaviour.models import Event, EventBatch
from tenants.subjects.directory import external_id_of
from tenants.tracking.landing import land

LAMP = {"product_id": "lamp", "name": "Lamp", "category": "Light", "price": 20, "quantity": 2}


def basic(key: str) -> dict[str, str]:
    """The header that Segment's server libraries send."""
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def call(business, path: str, body: Any, *, key: str | None = None, **headers: str):
    """POST; bytes as they are, anything else as JSON under text/plain, as browsers send it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = basic(business.key) if key is None else ({"Authorization": key} if key else {})
    return Client().post(path, data, content_type="text/plain", headers={**given, **headers})


def track(event: str, properties: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A message of a batch; `more` changes its fields."""
    return {
        "type": "track",
        "event": event,
        "userId": "u1",
        "properties": LAMP if properties is None else properties,
        **more,
    }


def sent(business, *messages: Any, **more: Any) -> EventBatch:
    """The record of a batch that was taken."""
    reply = call(business, "/v1/batch", {"batch": list(messages), **more})
    assert (reply.status_code, reply.json()) == (200, {"success": True}), reply.content
    landed(business)
    with business.scope:
        return EventBatch.objects.latest("id")


def landed(business) -> None:
    """Do what the worker of streams does: land all that was acknowledged."""
    while land(business.tenant.id):
        continue


def passed(batch: EventBatch) -> dict[tuple[str, str], int]:
    """What a record tells beside the accepted events: (code, name) -> how often."""
    return {(one["code"], one["name"]): one["count"] for one in batch.outcomes}


def stored(business) -> list[tuple[str, str, int, float | None]]:
    landed(business)
    with business.scope:
        found = Event.objects.select_related("subject", "item").order_by("occurred_at", "id")
        return [(external_id_of(e.subject), e.item.external_id, e.type, e.value) for e in found]


def packed(body: Any) -> bytes:
    return gzip.compress(json.dumps(body).encode())
