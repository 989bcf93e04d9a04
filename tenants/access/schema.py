"""How API views describe themselves in the OpenAPI document."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

# What any request may meet, and a write beside it.
ANY = ("400", "401", "403", "404", "411", "413", "429", "500", "503")
WRITTEN = ("409", "415")
WRITES = ("POST", "PUT", "PATCH", "DELETE")
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="A name of your own for this write, such as a UUID. Sent again within 24 hours with"
    " the same body it is not done again: the first answer comes back. With another body: 409.",
)


class ErrorFields(serializers.Serializer[Any]):
    """What went wrong and what to do."""

    type = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    request_id = serializers.CharField()


class ErrorAnswer(serializers.Serializer[Any]):
    """The body of every answer from 400 upwards."""

    error = ErrorFields()


class KeyAutoSchema(AutoSchema):
    """Adds the key, the scope that each method needs, and the one error form."""

    def get_auth(self) -> list[dict[str, list[str]]]:
        right = self._right()
        return [{"key": [right.value] if right else []}]

    def get_description(self) -> str:  # type: ignore[override]
        right = self._right()
        text = super().get_description() or ""
        return f"{text}\n\nScope: `{right.value}`." if right else text

    def get_override_parameters(self) -> Any:
        given = super().get_override_parameters()
        return [*given, IDEMPOTENCY] if self.method in WRITES else given

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for status in (*ANY, *(WRITTEN if self.method in WRITES else ())):
            if status not in bodies:
                bodies[status] = self._get_response_for_code(ErrorAnswer, status)  # type: ignore[no-untyped-call]
        return bodies

    def _right(self) -> Any:
        rights: dict[str, Any] = getattr(self.view, "rights", {})
        return rights.get(self.method)


def only_v1(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """The document holds the public API alone."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/v1/")]
