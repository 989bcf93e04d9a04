"""`/v1/recommendations`: ranked items for one user, each with its reason."""

from math import isnan
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from recommend.answering import Answer, answer
from recommend.context import context_of_key
from recommend.wording import reason_text, why_not_personal
from tenants.access.api import KeyAPIView
from tenants.access.bearer import key_actor, token_of
from tenants.access.rights import Right
from tenants.ids import public_id


class Query(serializers.Serializer[Any]):
    """What is asked."""

    user_id = serializers.CharField(max_length=200)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=10)
    diversity = serializers.FloatField(min_value=0.0, max_value=1.0, default=0.0)

    def validate_diversity(self, value: float) -> float:
        if isnan(value):  # is neither below nor above any bound
            raise serializers.ValidationError("Give a number from 0 to 1.")
        return value


class ReasonAnswer(serializers.Serializer[Any]):
    """Why an item is in the answer: a stable code with parameters, and a sentence."""

    code = serializers.CharField()
    text = serializers.CharField()
    params = serializers.DictField()


class ItemAnswer(serializers.Serializer[Any]):
    """One recommended item."""

    item_id = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField()
    price = serializers.FloatField(allow_null=True)
    score = serializers.FloatField()
    probability = serializers.FloatField(
        allow_null=True,
        help_text="Of taking it up within `probability_days`, calibrated on first ten places.",
    )
    reason = ReasonAnswer()


class RecommendationAnswer(serializers.Serializer[Any]):
    """The answer. `code` and `message` say why it is not personalised, null when it is;
    `probability_days` is null where the version tells no probabilities."""

    id = serializers.CharField()
    object = serializers.CharField()
    user_id = serializers.CharField()
    personalised = serializers.BooleanField()
    code = serializers.CharField(allow_null=True)
    message = serializers.CharField(allow_null=True)
    purpose = serializers.CharField()
    version = serializers.CharField(allow_null=True)
    probability_days = serializers.FloatField(allow_null=True)
    data = ItemAnswer(many=True)  # type: ignore[assignment]


PERSONAL = OpenApiExample(
    "Personalised",
    value={
        "id": "rec_0353F0mAHdwSgGNeXHLs2l",
        "object": "recommendation",
        "user_id": "13085",
        "personalised": True,
        "code": None,
        "message": None,
        "purpose": "personalised_recommendation",
        "version": "ver_0353F0hePqfNw4OQDLB98T",
        "probability_days": 7.0,
        "data": [
            {
                "item_id": "22423",
                "title": "Regency cakestand",
                "category": "",
                "price": 12.75,
                "score": 0.98,
                "probability": 0.31,
                "reason": {
                    "code": "bought_before",
                    "text": "You chose this 3 times before.",
                    "params": {"times": 3},
                },
            }
        ],
    },
    response_only=True,
)
USER = OpenApiParameter(
    "user_id",
    {"type": "string", "minLength": 1, "maxLength": 200},
    required=True,
    description="The user's id, as in your events and consent records.",
    examples=[OpenApiExample("A user", value="13085")],
)
LIMIT = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
    description="1 to 100, 10 by default.",
)
DIVERSITY = OpenApiParameter(
    "diversity",
    {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
    description="0 to 1, 0 by default: how much it counts that the items are unlike each other.",
)


class RecommendationList(KeyAPIView):
    """Recommend items to one user.

    A user who has not consented to `personalised_recommendation`, or who is unknown, gets the
    non-personalised list, and the answer says so.
    """

    # Key, consent, history and version are one question to the database here, so this view
    # does not go through TenantAPIView, which would ask for the key by itself.
    rights = {"GET": Right.READ_RECOMMENDATIONS}
    http_method_names = ["get", "head"]

    @extend_schema(
        operation_id="recommend",
        tags=["recommendations"],
        parameters=[USER, LIMIT, DIVERSITY],
        responses=RecommendationAnswer,
        examples=[PERSONAL],
    )
    def get(self, request: Request) -> Response:
        token = token_of(request)
        query = Query(data=request.query_params)
        valid = query.is_valid()
        found = context_of_key(token, query.validated_data["user_id"] if valid else "")
        if found is None:
            raise self.unknown(token)
        key, context = found
        self.admit(request, token, key, self.rights["GET"])
        query.is_valid(raise_exception=True)
        asked_by = key_actor(key, request).ref
        asked = query.validated_data
        given = answer(
            context, limit=asked["limit"], asked_by=asked_by, diversity=asked["diversity"]
        )
        return Response(answer_body(given, query.validated_data["user_id"]))


def answer_body(given: Answer, user_id: str) -> dict[str, Any]:
    """An answer in the words of the API."""
    version_id = given.decision.version_id
    return {
        "id": given.decision.public_id,
        "object": "recommendation",
        "user_id": user_id,
        "personalised": given.personalised,
        "code": given.code or None,
        "message": why_not_personal(given.code) or None,
        "purpose": given.decision.purpose,
        "version": public_id("version", version_id) if version_id else None,
        "probability_days": given.days,
        "data": [_item_body(line, given) for line in given.items],
    }


def _item_body(line: Any, given: Answer) -> dict[str, Any]:
    params = dict(line.reason.params)
    if "item" in params:
        cited = given.cited.get(int(params["item"]))
        params = {**params, "item": cited.external_id if cited else ""}
    return {
        "item_id": line.item.external_id,
        "title": line.item.title,
        "category": line.item.category,
        "price": line.item.price,
        "score": line.score,
        "probability": line.probability,
        "reason": {
            "code": line.reason.code,
            "text": reason_text(line.reason, given.cited),
            "params": params,
        },
    }
