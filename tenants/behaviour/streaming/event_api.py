"""`/v1/events`: acts told as they happen, one or many at a time, also straight from a browser."""

from collections.abc import Sequence
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.fields import Strict, Text, ZonedDateTimeField
from tenants.access.rights import Right
from tenants.accounts.tokens import PUBLIC
from tenants.behaviour.columns.event_context import KEY, MOST_KEYS
from tenants.behaviour.columns.schema import EVENT_TYPES
from tenants.behaviour.landing.carriage import carried
from tenants.behaviour.processing.report import BUCKETS
from tenants.behaviour.streaming.event_shapes import plain_events
from tenants.behaviour.streaming.gathering import GATHERING
from tenants.behaviour.streaming.records import AcceptedEvents, EndedEvent
from tenants.behaviour.streaming.streaming import MOST, accept_together
from tenants.behaviour.streaming.told import Row, Told, row_of
from tenants.behaviour.wording import streamed_text
from tenants.consent.api_signals import HONOURED, asks_to_stop
from tenants.consent.signals import honour_gpc
from tenants.consent.vocabulary import Purpose

# What a browser must not be told, because it tells of a person: who has consented, who did what.
OF_PERSONS = frozenset({"duplicate", "quarantined"})
OF_CONSENT = frozenset({"quarantine_full", "erased", "record_unknown"})
# Rows listed to a public key: an answer may be kept for its day, and anybody can ask for one.
LISTED = 20


class Number(serializers.FloatField):
    """A JSON number; one that is too large is infinite, which cleaning refuses."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise serializers.ValidationError("Not a number. Leave out the quotation marks.")
        try:
            return float(data)
        except OverflowError:
            return float("inf")


class CarriedConsent(Strict):
    """What the event says of consent itself. It narrows what is recorded and never widens it."""

    purposes = serializers.DictField(
        child=serializers.BooleanField(),
        required=False,
        help_text='{"model_training": false}: not for that. What is true leaves out the rest.',
    )
    record_id = Text(required=False, help_text="A grant of this person: cns_… or your receipt.")
    time = ZonedDateTimeField(required=False, help_text="Of the grant, where it has no id.")

    def validate_purposes(self, told: dict[str, bool]) -> dict[str, bool]:
        """Only known words; a foreign one is not repeated to its sender."""
        if not set(told) <= set(Purpose):
            raise serializers.ValidationError(f"The purposes are: {', '.join(Purpose)}.")
        return told


class EventBody(Strict):
    """One act of a person on an item."""

    user_id = Text(help_text="Your id of the person.")
    item_id = Text()
    type = Text(
        help_text=f"One of {', '.join(kind.name for kind in EVENT_TYPES)}, or a type of your own "
        "(`/v1/event_types`)."
    )
    occurred_at = ZonedDateTimeField(
        required=False, help_text="Now, when left out; then a repeated request counts again."
    )
    event_id = Text(
        required=False, help_text="Your id of the act: it counts once, however often it comes."
    )
    value = Number(required=False, help_text="Money of the whole row, or a rating.")
    price = Number(required=False, help_text="Of one piece.")
    quantity = Number(required=False)
    order_id = Text(required=False)
    item_title = Text(required=False)
    item_category = Text(required=False)
    context: Any = serializers.DictField(
        child=Text(),
        required=False,
        help_text='Groups that the act belongs to, such as {"country": "FR"}: up to '
        f"{MOST_KEYS} keys, kept as they come. Nothing of one person alone. Left aside when a "
        "public key sends it.",
    )

    consent = CarriedConsent(required=False)

    def validate_context(self, told: dict[str, str]) -> dict[str, str]:
        """Keys that an upload could name as well; a foreign one is not repeated to its sender."""
        if len(told) > MOST_KEYS or not all(map(KEY.fullmatch, told)):
            raise serializers.ValidationError(
                f"Name up to {MOST_KEYS} keys in small letters, such as country or sales_channel."
            )
        return told


class EventsBody(Strict):
    """Several events at once; each has its own outcome."""

    events: Any = serializers.ListSerializer(child=EventBody(), min_length=1, max_length=MOST)


class EndedAnswer(serializers.Serializer[Any]):
    """An event that was not accepted."""

    index = serializers.IntegerField(help_text="Its place in the request, from 0.")
    outcome = serializers.ChoiceField(BUCKETS)
    code = serializers.CharField()
    message = serializers.CharField()


class EventBatchAnswer(serializers.Serializer[Any]):
    """What became of the events. received = accepted + duplicate + quarantined + rejected.

    To a public key what was quarantined, found no room in quarantine or is a duplicate reads as
    accepted: a key that lies open in a browser must not tell anybody whether a person has consented
    or has been seen before.
    """

    id = serializers.CharField()
    object = serializers.CharField(default="event_batch")
    received = serializers.IntegerField()
    accepted = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    rejected = serializers.IntegerField()
    gpc = serializers.CharField(
        default=None,
        allow_null=True,
        help_text='"honoured" where `Sec-GPC: 1` came with the request: these people, as far as '
        "they are known, are opted out of passing on and marketing.",
    )
    rows = EndedAnswer(
        many=True,
        help_text=f"Every event that was not accepted, in order; to a public key {LISTED} at most.",
    )


ONE = OpenApiExample(
    "One event",
    value={
        "user_id": "13085",
        "item_id": "85048",
        "type": "purchase",
        "occurred_at": "2026-11-16T09:30:00Z",
        "event_id": "order-489434-1",
        "price": 6.95,
        "quantity": 12,
    },
    request_only=True,
)
MANY = OpenApiExample(
    "Several events",
    value={
        "events": [
            {"user_id": "13085", "item_id": "85048", "type": "view", "event_id": "e-1"},
            {"user_id": "13085", "item_id": "22041", "type": "veiw", "event_id": "e-2"},
        ]
    },
    request_only=True,
)
OUTCOME = OpenApiExample(
    "One of two rejected",
    value={
        "id": "evb_0MzBBhHvaAzuJWhZ1jKpQE",
        "object": "event_batch",
        "received": 2,
        "accepted": 1,
        "duplicate": 0,
        "quarantined": 0,
        "rejected": 1,
        "gpc": None,
        "rows": [
            {
                "index": 1,
                "outcome": "rejected",
                "code": "unknown_type",
                "message": "The event type is not known. Use one of the types on the events page.",
            }
        ],
    },
    response_only=True,
    status_codes=["202"],
)


class EventList(TenantAPIView):
    """Tell of one event, or of up to 500. Faulty form: nothing is stored, and an error says where.

    An event that has the right form and still cannot be used (its type is not known, it lies in
    the future) is rejected by itself, with a code; the others count.
    """

    rights = {"POST": Right.WRITE_EVENTS}
    # Where a public key may be used: it can write events and read nothing.
    public_methods: ClassVar[frozenset[str]] = frozenset({"POST"})

    @extend_schema(
        operation_id="create_events",
        tags=["events"],
        request=PolymorphicProxySerializer(
            component_name="EventOrEvents",
            serializers=[EventBody, EventsBody],
            resource_type_field_name=None,
        ),
        responses={202: EventBatchAnswer},
        examples=[ONE, MANY, OUTCOME],
    )
    def post(self, request: TenantRequest) -> Response:
        public = request.key.kind == PUBLIC
        told, stops = Told(_events(request.data), request.actor), asks_to_stop(request)
        if stops or self.answers_once:  # one transaction with what is kept beside the events
            accepted = accept_together([told], trusted=not public)[0]
        else:
            self.leave_scope()
            accepted = GATHERING.accept(request.tenant_id, told, trusted=not public)
        answer = _answer(accepted, public)
        if stops:
            users = {event.user_id for event in told.events if event.user_id}
            honour_gpc(user_ids=users, actor=request.actor)
            answer["gpc"] = HONOURED
        return Response(EventBatchAnswer(answer).data, status=202)


def _events(body: Any) -> Sequence[Row]:
    """The events of either form of body, checked in shape."""
    events = plain_events(body) or _checked(body)
    return [row_of({**carried(event.pop("consent", {})), **event}) for event in events]


def _checked(body: Any) -> list[dict[str, Any]]:
    """The events as the serializers read them; ValidationError."""
    many = isinstance(body, dict) and "events" in body
    form = (EventsBody if many else EventBody)(data=body)
    form.is_valid(raise_exception=True)
    return form.validated_data["events"] if many else [form.validated_data]


def _answer(accepted: AcceptedEvents, public: bool) -> dict[str, Any]:
    """The counts and the rows; to a public key the rest of them reads as accepted."""
    told = [one for one in accepted.ended if not (public and _is_of_a_person(one))]
    shown = {bucket: sum(one.outcome == bucket for one in told) for bucket in BUCKETS}
    return {
        "id": accepted.batch.public_id,
        "received": accepted.batch.received,
        "accepted": accepted.batch.received - len(told),
        **shown,
        "rows": [
            {**vars(one), "message": streamed_text(one.outcome, one.code)}
            for one in (told[:LISTED] if public else told)
        ],
    }


def _is_of_a_person(one: EndedEvent) -> bool:
    return one.outcome in OF_PERSONS or one.code in OF_CONSENT
