"""`/v1/items`: what can be recommended, told as it changes. Not for public keys."""

import json
from collections.abc import Sequence
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
from tenants.access.fields import Strict, Text
from tenants.access.paging import PARAMETERS, page_named
from tenants.access.rights import Right
from tenants.behaviour.items.item_changes import (
    MOST,
    StoredItems,
    change_item,
    find_item,
    remove_item,
    set_items,
)
from tenants.behaviour.models import Item
from tenants.behaviour.processing.report import BUCKETS
from tenants.behaviour.streaming.event_api import Number
from tenants.behaviour.wording import item_text

ITEM_ID = OpenApiParameter(
    "item_id",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="Your id of the item, percent-encoded.",
    examples=[OpenApiExample("An item", value="85048")],
)
LAMP = {
    "item_id": "85048",
    "title": "Lamp",
    "text": "A lamp for the desk.",
    "category": "Light",
    "price": 6.95,
    "available": True,
    "attributes": {"colour": "red"},
}
SHOWN = {
    **LAMP,
    "object": "item",
    "first_seen_at": None,
    "updated_at": "2026-11-16T09:30:00Z",
}


ITEM = OpenApiExample("An item", value=SHOWN, response_only=True)
CHANGE = OpenApiExample("Sold out", value={"available": False}, request_only=True)
REMOVED = OpenApiExample(
    "Removed",
    value={"item_id": "85048", "object": "item", "removed": True},
    response_only=True,
)


class Attributes(serializers.DictField):
    """A JSON object that can be kept."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value: dict[str, Any] = super().to_internal_value(data)
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except (UnicodeEncodeError, RecursionError):  # half a character, or nested without end
            raise serializers.ValidationError("Not an object that can be kept.") from None
        return value


class ItemChange(Strict):
    """The fields to change; the others stay."""

    title = Text(required=False, allow_blank=True)
    text = Text(required=False, allow_blank=True, help_text="What a model reads of it.")
    category = Text(required=False, allow_blank=True)
    price = Number(required=False, allow_null=True)
    available = serializers.BooleanField(
        required=False, help_text="Whether it may be recommended now; true when left out."
    )
    attributes = Attributes(required=False)


class ItemBody(ItemChange):
    """An item as a whole: what is left out is empty."""

    item_id = Text()


class ItemsBody(Strict):
    """Several items at once; each has its own outcome."""

    items: Any = serializers.ListSerializer(child=ItemBody(), min_length=1, max_length=MOST)


class CatalogueItemAnswer(serializers.Serializer[Any]):
    """An item."""

    item_id = serializers.CharField(source="external_id")
    object = serializers.CharField(read_only=True, default="item")
    title = serializers.CharField()
    text = serializers.CharField()
    category = serializers.CharField()
    price = serializers.FloatField(allow_null=True)
    available = serializers.BooleanField()
    attributes = serializers.DictField()
    first_seen_at = serializers.DateTimeField(allow_null=True, help_text="When an event named it.")
    updated_at = serializers.DateTimeField()


class ItemPage(serializers.Serializer[Any]):
    """Items by their id, the first first."""

    object = serializers.CharField(read_only=True, default="list")
    data = CatalogueItemAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class RemovedAnswer(serializers.Serializer[Any]):
    """An item that is in no answer any more."""

    item_id = serializers.CharField()
    object = serializers.CharField(default="item")
    removed = serializers.BooleanField(default=True)


class EndedItemAnswer(serializers.Serializer[Any]):
    """An item that was not stored."""

    index = serializers.IntegerField(help_text="Its place in the request, from 0.")
    outcome = serializers.ChoiceField(BUCKETS)
    code = serializers.CharField()
    message = serializers.CharField()


class ItemBatchAnswer(serializers.Serializer[Any]):
    """What became of the items. received = stored + the number of rows."""

    object = serializers.CharField(default="item_batch")
    received = serializers.IntegerField()
    stored = serializers.IntegerField()
    created = serializers.IntegerField(help_text="How many of those stored are new.")
    rows = EndedItemAnswer(many=True, help_text="Every item that was not stored, in order.")


class ItemList(TenantAPIView):
    """Items that can be recommended."""

    rights = {"GET": Right.READ_EVENTS, "POST": Right.WRITE_EVENTS}

    @extend_schema(
        operation_id="list_items",
        tags=["items"],
        responses=ItemPage,
        parameters=PARAMETERS,
        examples=[
            OpenApiExample(
                "One item",
                value={"object": "list", "data": [SHOWN], "has_more": False},
                response_only=True,
            )
        ],
    )
    def get(self, request: TenantRequest) -> Response:
        page = page_named(request, Item.objects.filter(removed_at=None), "external_id")
        return page.response(request, CatalogueItemAnswer(page.rows, many=True).data)

    @extend_schema(
        operation_id="set_items",
        tags=["items"],
        request=PolymorphicProxySerializer(
            component_name="ItemOrItems",
            serializers=[ItemBody, ItemsBody],
            resource_type_field_name=None,
        ),
        responses={200: ItemBatchAnswer},
        examples=[
            OpenApiExample("One item", value=LAMP, request_only=True),
            OpenApiExample(
                "Stored",
                value={
                    "object": "item_batch",
                    "received": 1,
                    "stored": 1,
                    "created": 1,
                    "rows": [],
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: TenantRequest) -> Response:
        """Make one item or up to 500, or replace those that are there."""
        done = set_items(items=_items(request.data), actor=request.actor)
        return Response(ItemBatchAnswer(_answer(done)).data)


class ItemDetail(TenantAPIView):
    """One item, by your own id of it."""

    rights = {
        "GET": Right.READ_EVENTS,
        "PATCH": Right.WRITE_EVENTS,
        "DELETE": Right.WRITE_EVENTS,
    }

    @extend_schema(
        operation_id="get_item",
        tags=["items"],
        parameters=[ITEM_ID],
        responses=CatalogueItemAnswer,
        examples=[ITEM],
    )
    def get(self, request: TenantRequest, item_id: str) -> Response:
        return Response(CatalogueItemAnswer(find_item(item_id)).data)

    @extend_schema(
        operation_id="change_item",
        tags=["items"],
        parameters=[ITEM_ID],
        request=ItemChange,
        responses=CatalogueItemAnswer,
        examples=[CHANGE, ITEM],
    )
    def patch(self, request: TenantRequest, item_id: str) -> Response:
        """Change some fields of an item."""
        form = ItemChange(data=request.data)
        form.is_valid(raise_exception=True)
        item = change_item(item_id=item_id, changes=form.validated_data, actor=request.actor)
        return Response(CatalogueItemAnswer(item).data)

    @extend_schema(
        operation_id="remove_item",
        tags=["items"],
        parameters=[ITEM_ID],
        responses={200: RemovedAnswer},
        examples=[REMOVED],
    )
    def delete(self, request: TenantRequest, item_id: str) -> Response:
        """Take an item out of every answer, from the next one on.

        Events that tell of it stay; telling of the item again brings it back.
        """
        item = remove_item(item_id=item_id, actor=request.actor)
        return Response(RemovedAnswer({"item_id": item.external_id}).data)


def _items(body: Any) -> Sequence[dict[str, Any]]:
    """The items of either form of body, checked in shape."""
    many = isinstance(body, dict) and "items" in body
    form = (ItemsBody if many else ItemBody)(data=body)
    form.is_valid(raise_exception=True)
    return form.validated_data["items"] if many else [form.validated_data]


def _answer(done: StoredItems) -> dict[str, Any]:
    return {
        "received": done.received,
        "stored": done.stored,
        "created": done.created,
        "rows": [{**vars(one), "message": item_text(one.outcome, one.code)} for one in done.ended],
    }
