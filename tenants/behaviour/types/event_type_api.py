"""`/v1/event_types`: what an event may be, and how much each says. Changed on its page only."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.rights import Right
from tenants.behaviour.types.event_types import stored_types

PURCHASE = {
    "object": "event_type",
    "name": "purchase",
    "weight": 1.0,
    "trade": True,
    "own": False,
    "aliases": ["transaction", "buy", "sale", "order", "orderitem", "sold"],
}


class EventTypeAnswer(serializers.Serializer[Any]):
    """A type of event, and under which names files and requests may bring it."""

    object = serializers.CharField(read_only=True, default="event_type")
    name = serializers.CharField()
    weight = serializers.FloatField(
        help_text="How much the act says of what a person likes: -1 to 1, below 0 against it."
    )
    trade = serializers.BooleanField(help_text="Moves goods, so that its quantity is above zero.")
    own = serializers.BooleanField(help_text="Made by you, not one of the default table.")
    aliases = serializers.ListField(child=serializers.CharField())


class EventTypes(serializers.Serializer[Any]):
    """All types, the default ones first."""

    object = serializers.CharField(read_only=True, default="list")
    data = EventTypeAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField(default=False)


class EventTypeList(TenantAPIView):
    """The table of event types in force."""

    rights = {"GET": Right.READ_EVENTS}

    @extend_schema(
        operation_id="list_event_types",
        tags=["events"],
        responses=EventTypes,
        examples=[
            OpenApiExample(
                "The table",
                value={"object": "list", "data": [PURCHASE], "has_more": False},
                response_only=True,
            )
        ],
    )
    def get(self, request: TenantRequest) -> Response:
        return Response(EventTypes({"data": stored_types().types}).data)
