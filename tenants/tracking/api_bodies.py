"""The bodies of the tracking API as its document describes them; nothing is checked by them.

What a message may say is Segment's specification, and what of it is read stands in `messages`.
"""

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers


class MessageBody(serializers.Serializer[Any]):
    """One message. Fields beside these are left aside."""

    userId = serializers.CharField(
        required=False, help_text="Your id of the person; else anonymousId."
    )
    anonymousId = serializers.CharField(
        required=False,
        help_text="Of somebody who is not signed in: a person of their own, whose consent is asked "
        "for under this id.",
    )
    event = serializers.CharField(
        required=False,
        help_text="Of a track call: a name of the e-commerce specification, such as Product "
        "Viewed, or an event type.",
    )
    properties = serializers.DictField(
        required=False,
        help_text="product_id or sku, name, category, price, quantity, rating, order_id, products.",
    )
    messageId = serializers.CharField(
        required=False, help_text="It counts once, however often it comes."
    )
    timestamp = serializers.CharField(required=False, help_text="Of the act, by the client's clock")
    sentAt = serializers.CharField(required=False, help_text="Of the request, by the same clock.")
    context: Any = serializers.DictField(
        required=False,
        help_text="Of consent alone: {consent: {categoryPreferences: {…}}}. A refused category "
        "takes its purpose away from this act; none gives any.",
    )
    writeKey = serializers.CharField(
        required=False, help_text="The API key, where no header carries it."
    )


class BatchBody(serializers.Serializer[Any]):
    """Messages, each with its `type`: track, page, screen, identify, group or alias."""

    batch: Any = serializers.ListField(child=serializers.DictField())
    sentAt = serializers.CharField(required=False)
    context: Any = serializers.DictField(required=False)
    writeKey = serializers.CharField(required=False)


class TakenAnswer(serializers.Serializer[Any]):
    """It was read. What became of it: `/v1/event_batches`."""

    success = serializers.BooleanField()


BATCH = OpenApiExample(
    "An order",
    value={
        "batch": [
            {
                "type": "track",
                "event": "Order Completed",
                "userId": "13085",
                "messageId": "ajs-1",
                "timestamp": "2026-11-16T09:30:00Z",
                "properties": {
                    "order_id": "489434",
                    "products": [{"product_id": "85048", "price": 6.95, "quantity": 12}],
                },
            }
        ],
        "sentAt": "2026-11-16T09:30:01Z",
    },
    request_only=True,
)
# One message of each kind, as its address takes it.
SHOWN: dict[str, dict[str, Any]] = {
    "track": {"event": "Product Viewed", "properties": {"product_id": "85048"}},
    "page": {"properties": {"product_id": "85048"}},
    "screen": {"properties": {"product_id": "85048"}},
    "identify": {"traits": {"plan": "premium"}},
    "group": {"groupId": "g-1"},
    "alias": {"previousId": "0f1e-22"},
}


def shown(kind: str) -> OpenApiExample:
    value = {"userId": "13085", "messageId": "ajs-2", **SHOWN[kind]}
    return OpenApiExample(f"A call of {kind}", value=value, request_only=True)


SUCCESS = OpenApiExample("Taken", value={"success": True}, response_only=True, status_codes=["200"])
