"""`/v1/event_batches`: what became of each streamed request, to look up afterwards."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.paging import PARAMETERS, page_of
from tenants.access.rights import Right
from tenants.behaviour.models import EventBatch, WaitingRequest
from tenants.behaviour.streaming.outcomes import OUTCOMES, PASSED_OVER
from tenants.behaviour.wording import streamed_text
from tenants.errors import NotFound
from tenants.ids import parse_id

BATCH_ID = OpenApiParameter(
    "batch_id",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="evb_…",
    examples=[OpenApiExample("A request", value="evb_0MzBBhHvaAzuJWhZ1jKpQE")],
)
LANDED, WAITING, HELD_UP = "landed", "waiting", "held_up"
KEPT = {
    "id": "evb_0MzBBhHvaAzuJWhZ1jKpQE",
    "object": "event_batch",
    "state": "landed",
    "created_at": "2026-11-16T09:30:00Z",
    "received": 3,
    "accepted": 2,
    "duplicate": 0,
    "quarantined": 0,
    "rejected": 1,
    "passed_over": 4,
    "outcomes": [
        {
            "outcome": "passed_over",
            "code": "identify",
            "name": "",
            "count": 4,
            "message": "Who somebody is: no trait is kept, and no two ids become one person.",
        },
        {
            "outcome": "rejected",
            "code": "unknown_type",
            "name": "Song Played",
            "count": 1,
            "message": "The event type is not known. Use one of the types on the events page.",
        },
    ],
}

STILL = {
    "id": "evb_0MzBBhHvaAzuJWhZ1jKpQE",
    "object": "event_batch",
    "state": "waiting",
    "created_at": "2026-11-16T09:30:00Z",
}


class OutcomeAnswer(serializers.Serializer[Any]):
    """How much ended in one way."""

    outcome = serializers.ChoiceField(OUTCOMES)
    code = serializers.CharField()
    name = serializers.CharField(
        allow_blank=True,
        help_text="Of what nobody knows: the event's name or the consent category, where it may be "
        "kept.",
    )
    count = serializers.IntegerField()
    message = serializers.SerializerMethodField()

    def get_message(self, one: dict[str, Any]) -> str:
        return streamed_text(one["outcome"], one["code"])


class KeptBatchAnswer(serializers.Serializer[Any]):
    """received = accepted + duplicate + quarantined + rejected; passed_over stands beside them: it
    was told and can be no event.
    """

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="event_batch")
    state = serializers.ChoiceField([LANDED], read_only=True, default=LANDED)
    created_at = serializers.DateTimeField(source="received_at")
    received = serializers.IntegerField()
    accepted = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    rejected = serializers.IntegerField()
    passed_over: Any = serializers.SerializerMethodField()
    outcomes = OutcomeAnswer(many=True)

    def get_passed_over(self, batch: EventBatch) -> int:
        return sum(one["count"] for one in batch.outcomes if one["outcome"] == PASSED_OVER)


class WaitingAnswer(serializers.Serializer[Any]):
    """A tracking request that was acknowledged and whose events are not stored yet."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="event_batch")
    state = serializers.ChoiceField(
        [WAITING, HELD_UP],
        help_text="waiting: within seconds. held_up: a fault of ours keeps it; it is tried again.",
    )
    created_at = serializers.DateTimeField(source="received_at")


class KeptBatchPage(serializers.Serializer[Any]):
    """The latest requests, newest first."""

    object = serializers.CharField(read_only=True, default="list")
    data = KeptBatchAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class EventBatchList(TenantAPIView):
    """What became of streamed requests: how many events were stored, and why the rest were not."""

    rights = {"GET": Right.READ_EVENTS}

    @extend_schema(
        operation_id="list_event_batches",
        tags=["events"],
        responses=KeptBatchPage,
        parameters=PARAMETERS,
        examples=[
            OpenApiExample(
                "One request",
                value={"object": "list", "data": [KEPT], "has_more": False},
                response_only=True,
            )
        ],
    )
    def get(self, request: TenantRequest) -> Response:
        page = page_of(request, EventBatch.objects.all(), "event batch")
        return page.response(request, KeptBatchAnswer(page.rows, many=True).data)


class EventBatchDetail(TenantAPIView):
    """What became of one streamed request."""

    rights = {"GET": Right.READ_EVENTS}

    @extend_schema(
        operation_id="get_event_batch",
        tags=["events"],
        parameters=[BATCH_ID],
        responses=PolymorphicProxySerializer(
            component_name="EventBatch",
            serializers=[KeptBatchAnswer, WaitingAnswer],
            resource_type_field_name=None,
        ),
        examples=[
            OpenApiExample("One request", value=KEPT, response_only=True),
            OpenApiExample("One that waits", value=STILL, response_only=True),
        ],
    )
    def get(self, request: TenantRequest, batch_id: str) -> Response:
        key = parse_id("event batch", batch_id)
        waiting = WaitingRequest.objects.filter(pk=key).defer("sealed").first()
        if waiting is not None:
            return Response(WaitingAnswer(waiting).data)
        batch = EventBatch.objects.filter(pk=key).first()
        if batch is None:
            raise NotFound("event batch")
        return Response(KeptBatchAnswer(batch).data)
