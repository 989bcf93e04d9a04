"""`/v1/consents/signals`: foreign consent signals, kept as they came and read by one table."""

import re
from collections.abc import Iterator
from typing import Any

from django.utils.timezone import now
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.fields import Strict, ZonedDateTimeField
from tenants.access.rights import Right
from tenants.consent.signal_reading import READERS
from tenants.consent.signals import honour_gpc, record_signal
from tenants.subjects.directory import ID_LENGTH, resolve
from tenants.subjects.suppression import refuse_erased

VALUE_LENGTH = 20_000
HONOURED = "honoured"
NO_TEXT = re.compile("[\\x00-\\x1f\\x7f\\ud800-\\udfff]")


def asks_to_stop(request: Request) -> bool:
    """Whether the browser sent `Sec-GPC: 1`; any other value, and none, says nothing."""
    return bool(request.headers.get("Sec-GPC") == "1")


def is_text(text: str) -> bool:
    """Whether it can be kept and sent: no control character, no half of a character."""
    return NO_TEXT.search(text) is None


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, however deep."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one


@extend_schema_field(OpenApiTypes.ANY)
class SignalValue(serializers.JSONField):
    """A string exactly as it came, or an object of names and answers."""

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if not isinstance(value, str | dict) or len(str(value)) > VALUE_LENGTH:
            raise serializers.ValidationError("Send the signal as it came: a text or an object.")
        if not all(map(is_text, _texts(value))):
            raise serializers.ValidationError("Leave out control characters and half characters.")
        return value


class SignalBody(Strict):
    """One signal of one user."""

    user_id = serializers.RegexField(r"^[^\x00-\x1f\x7f]+$", max_length=ID_LENGTH)
    kind = serializers.ChoiceField(sorted(READERS))
    value = SignalValue(
        help_text='tcf and gpp: the string. segment: {"categoryPreferences": {…}}. google: '
        '{"ad_user_data": "GRANTED", "ad_personalization": "DENIED"}.'
    )
    event_time = ZonedDateTimeField(required=False, help_text="Now, when left out.")


class SignalAnswer(serializers.Serializer[Any]):
    """What became of it. A signal that says nothing new makes no record."""

    id = serializers.CharField()
    object = serializers.CharField(default="consent_signal")
    kind = serializers.CharField()
    records = serializers.ListField(child=serializers.CharField())
    unmapped = serializers.ListField(
        child=serializers.CharField(),
        help_text="Categories that are mapped onto nothing, or whose yes has no archived notice.",
    )
    gpc = serializers.CharField(
        default=None,
        allow_null=True,
        help_text='"honoured" where `Sec-GPC: 1` came with the request: the user is opted out of '
        "passing on and marketing.",
    )


SENT = OpenApiExample(
    "Google",
    value={
        "user_id": "13085",
        "kind": "google",
        "value": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
    },
    request_only=True,
)
READ = OpenApiExample(
    "Read",
    value={
        "id": "sig_0353F0mAHdwSgGNeXHLs2l",
        "object": "consent_signal",
        "kind": "google",
        "records": ["cns_0353F0mAHdwSgGNeXHLs2l"],
        "unmapped": ["ad_user_data"],
        "gpc": None,
    },
    response_only=True,
    status_codes=["201"],
)


class SignalList(TenantAPIView):
    """Tell of a signal of another standard. No such signal is ever a consent to train a model."""

    rights = {"POST": Right.WRITE_CONSENTS}

    @extend_schema(
        operation_id="record_consent_signal",
        tags=["consents"],
        request=SignalBody,
        responses={201: SignalAnswer},
        examples=[SENT, READ],
    )
    def post(self, request: TenantRequest) -> Response:
        form = SignalBody(data=request.data)
        form.is_valid(raise_exception=True)
        told = form.validated_data
        at = told.get("event_time") or now()
        refuse_erased(told["user_id"], at)
        read = record_signal(
            subject_id=resolve([told["user_id"]])[told["user_id"]],
            kind=told["kind"],
            value=told["value"],
            at=at,
            actor=request.actor,
        )
        body = {
            "id": read.signal.public_id,
            "kind": read.signal.kind,
            "records": [one.public_id for one in read.records],
            "unmapped": read.unmapped,
            "gpc": None,
        }
        if asks_to_stop(request):
            honour_gpc(user_ids=[told["user_id"]], actor=request.actor, told_at=at)
            body["gpc"] = HONOURED
        return Response(SignalAnswer(body).data, status=201)
