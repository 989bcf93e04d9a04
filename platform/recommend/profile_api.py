"""`/v1/profile`: what is derived of one person now, and taking parts of it out."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from recommend.api import USER
from recommend.derived import categories_of, derived_of
from recommend.wording import why_not_personal
from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.fields import Strict, Text
from tenants.access.rights import Right
from tenants.errors import NotFound
from tenants.ids import parse_id
from tenants.rights.models import ProfileRemoval
from tenants.rights.profile import removals_of, remove_from_profile, return_to_profile
from tenants.subjects.directory import ID_LENGTH, find
from tenants.subjects.models import Subject
from tenants.subjects.viewing import note_subject_viewed

TAGS = ["rights requests"]


class ProfileQuery(serializers.Serializer[Any]):
    """Whose profile."""

    user_id = serializers.CharField(max_length=ID_LENGTH)


class RemovalBody(Strict):
    """What no longer counts for the person: one item, or every item of a category."""

    user_id = serializers.RegexField(r"^[^\x00-\x1f\x7f]+$", max_length=ID_LENGTH)
    item_id = Text(required=False, max_length=ID_LENGTH)
    category = Text(required=False, max_length=ID_LENGTH)


class RemovalAnswer(serializers.Serializer[Any]):
    """One thing that was taken out of a profile."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="profile_removal")
    item_id = serializers.SerializerMethodField()
    category = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_item_id(self, removal: ProfileRemoval) -> str | None:
        return removal.item.external_id if removal.item else None

    def get_category(self, removal: ProfileRemoval) -> str | None:
        return removal.category or None


class ReturnedAnswer(serializers.Serializer[Any]):
    """A removal that is no more."""

    id = serializers.CharField()
    object = serializers.CharField()
    deleted = serializers.BooleanField()


class OwnItemAnswer(serializers.Serializer[Any]):
    """What the person's own events on one item add up to; `weight` halves with their age."""

    item_id = serializers.CharField(source="item.external_id")
    category = serializers.CharField(source="item.category")
    events = serializers.IntegerField()
    weight = serializers.FloatField(allow_null=True)
    last_type = serializers.CharField(source="last")
    last_at = serializers.DateTimeField()
    features = serializers.DictField(child=serializers.FloatField(allow_null=True))


class CategoryAnswer(serializers.Serializer[Any]):
    """The same of all items of a category."""

    category = serializers.CharField()
    events = serializers.IntegerField()
    weight = serializers.FloatField()


class NeighbourAnswer(serializers.Serializer[Any]):
    """An item that others' behaviour links to the person's own."""

    item_id = serializers.CharField()
    weight = serializers.FloatField()


class ProfileAnswer(serializers.Serializer[Any]):
    """What the next answer would derive of the person. Nothing of it is stored: it is computed for
    each answer. `code` and `message` say why nothing is derived, null when something is."""

    object = serializers.CharField()
    user_id = serializers.CharField()
    stored = serializers.BooleanField()
    code = serializers.CharField(allow_null=True)
    message = serializers.CharField(allow_null=True)
    own_history = OwnItemAnswer(many=True)
    categories = CategoryAnswer(many=True)
    neighbours = NeighbourAnswer(many=True)
    features = serializers.DictField(
        child=serializers.FloatField(allow_null=True),
        help_text="What the acts add up to, by name; null where it is not known.",
    )
    removals = RemovalAnswer(many=True)


REMOVAL = {
    "id": "rmv_0353F0mAHdwSgGNeXHLs2l",
    "object": "profile_removal",
    "item_id": "22423",
    "category": None,
    "created_at": "2026-11-16T09:30:00Z",
}
FOUND = OpenApiExample(
    "A profile",
    value={
        "object": "profile",
        "user_id": "13085",
        "stored": False,
        "code": None,
        "message": None,
        "own_history": [
            {
                "item_id": "85048",
                "category": "Lights",
                "events": 3,
                "weight": 1.42,
                "last_type": "purchase",
                "last_at": "2026-11-14T16:05:00Z",
                "features": {"own_acts": 3.0, "own_recency_days": 14.2, "due": 1.1},
            }
        ],
        "categories": [{"category": "Lights", "events": 3, "weight": 1.42}],
        "neighbours": [{"item_id": "22041", "weight": 0.31}],
        "features": {"acts": 12.0, "recency_days": 14.2, "spent": 81.4, "price_level": None},
        "removals": [REMOVAL],
    },
    response_only=True,
)
SENT = OpenApiExample("An item", value={"user_id": "13085", "item_id": "22423"}, request_only=True)
REMOVED = OpenApiExample("Removed", value=REMOVAL, response_only=True, status_codes=["201"])
RETURNED = OpenApiExample(
    "Put back",
    value={"id": "rmv_0353F0mAHdwSgGNeXHLs2l", "object": "profile_removal", "deleted": True},
    response_only=True,
)
REMOVAL_ID = OpenApiParameter(
    "removal_id",
    str,
    OpenApiParameter.PATH,
    description="As `id` in the answer that made it: rmv_…",
    examples=[OpenApiExample("A removal", value="rmv_0353F0mAHdwSgGNeXHLs2l")],
)


class ProfileDetail(TenantAPIView):
    """What is derived of one person now. Each look is written into the log."""

    rights = {"GET": Right.MANAGE_RIGHTS}

    @extend_schema(
        operation_id="get_profile",
        tags=TAGS,
        parameters=[USER],
        responses=ProfileAnswer,
        examples=[FOUND],
    )
    def get(self, request: TenantRequest) -> Response:
        query = ProfileQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        user_id = query.validated_data["user_id"]
        subject = known(user_id)
        found = derived_of(subject)
        note_subject_viewed(subject_id=subject.id, page="profile", actor=request.actor)
        body = {
            "object": "profile",
            "user_id": user_id,
            "stored": False,
            "code": found.code or None,
            "message": why_not_personal(found.code) or None,
            "own_history": found.own,
            "categories": categories_of(found),
            "neighbours": [
                {"item_id": item.external_id, "weight": weight} for item, weight in found.neighbours
            ],
            "features": found.features,
            "removals": removals_of(subject.id),
        }
        return Response(ProfileAnswer(body).data)


class ProfileRemovalList(TenantAPIView):
    """Take an item or a category out of a person's profile.

    Their events on it count for no answer to them from the next one on, and for no later training.
    """

    rights = {"POST": Right.MANAGE_RIGHTS}

    @extend_schema(
        operation_id="remove_from_profile",
        tags=TAGS,
        request=RemovalBody,
        responses={201: RemovalAnswer},
        examples=[SENT, REMOVED],
    )
    def post(self, request: TenantRequest) -> Response:
        form = RemovalBody(data=request.data)
        form.is_valid(raise_exception=True)
        body = dict(form.validated_data)
        subject = known(body.pop("user_id"))
        removal = remove_from_profile(subject_id=subject.id, actor=request.actor, **body)
        return Response(RemovalAnswer(removal).data, status=201)


class ProfileRemovalDetail(TenantAPIView):
    """Put what was taken out back: it counts again from the next answer on."""

    rights = {"DELETE": Right.MANAGE_RIGHTS}

    @extend_schema(
        operation_id="return_to_profile",
        tags=TAGS,
        parameters=[REMOVAL_ID],
        request=None,
        responses={200: ReturnedAnswer},
        examples=[RETURNED],
    )
    def delete(self, request: TenantRequest, removal_id: str) -> Response:
        return_to_profile(removal_id=parse_id("profile removal", removal_id), actor=request.actor)
        body = {"id": removal_id, "object": "profile_removal", "deleted": True}
        return Response(ReturnedAnswer(body).data)


def known(user_id: str) -> Subject:
    """The person whom the tenant calls so; NotFound."""
    subject = find(user_id)
    if subject is None:
        raise NotFound("person")
    return subject
