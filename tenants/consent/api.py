"""`/v1/consents`: what a subject allowed or stopped, told by the tenant's own systems."""

from typing import Any

from django.utils.timezone import now
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.fields import ZonedDateTimeField
from tenants.access.rights import Right
from tenants.consent.ledger import ConsentInput
from tenants.consent.models import ConsentRecord
from tenants.consent.services import record_consent
from tenants.consent.vocabulary import (
    CollectionMethod,
    ConsentEvent,
    LawfulBasis,
    Purpose,
)
from tenants.subjects.directory import resolve


class ConsentBody(serializers.Serializer[Any]):
    """One act. A grant names the notice that was shown; stopping needs three fields."""

    user_id = serializers.CharField(max_length=256)
    purpose = serializers.ChoiceField([p.value for p in Purpose])
    event = serializers.ChoiceField([e.value for e in ConsentEvent])
    event_time = ZonedDateTimeField(required=False, help_text="Now, when left out.")
    lawful_basis = serializers.ChoiceField([b.value for b in LawfulBasis], default="consent")
    collection_method = serializers.ChoiceField([m.value for m in CollectionMethod], default="api")
    notice_id = serializers.CharField(required=False, default="")
    notice_version = serializers.CharField(required=False, default="")
    notice_language = serializers.CharField(required=False, default="")
    notice_sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)
    jurisdiction = serializers.RegexField(r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$", required=False)
    expires_at = ZonedDateTimeField(required=False)
    age_band = serializers.CharField(required=False, default="", max_length=32)
    evidence = serializers.DictField(required=False)


class ConsentAnswer(serializers.Serializer[Any]):
    """The record as it was stored."""

    id = serializers.CharField(source="public_id")
    object = serializers.ReadOnlyField(default="consent")
    receipt_id = serializers.CharField()
    purpose = serializers.CharField()
    event = serializers.CharField()
    event_time = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    record_hash = serializers.SerializerMethodField()

    def get_record_hash(self, record: ConsentRecord) -> str:
        return bytes(record.record_hash).hex()


WITHDRAWAL = OpenApiExample(
    "Withdrawal",
    value={
        "user_id": "13085",
        "purpose": "personalised_recommendation",
        "event": "withdrawn",
        "event_time": "2026-11-16T09:30:00Z",
    },
    request_only=True,
)


class ConsentList(TenantAPIView):
    """Record one consent act. It counts from the next request on."""

    rights = {"POST": Right.WRITE_CONSENTS}

    @extend_schema(
        operation_id="record_consent",
        tags=["consents"],
        request=ConsentBody,
        responses={201: ConsentAnswer},
        examples=[WITHDRAWAL],
    )
    def post(self, request: TenantRequest) -> Response:
        form = ConsentBody(data=request.data)
        form.is_valid(raise_exception=True)
        record = record_consent(act=_act(form.validated_data), actor=request.actor)
        return Response(ConsentAnswer(record).data, status=201)


def _act(body: dict[str, Any]) -> ConsentInput:
    user_id = body.pop("user_id")
    digest = body.pop("notice_sha256", None)
    return ConsentInput(
        subject_id=resolve([user_id])[user_id],
        purpose=Purpose(body.pop("purpose")),
        event=ConsentEvent(body.pop("event")),
        lawful_basis=LawfulBasis(body.pop("lawful_basis")),
        collection_method=CollectionMethod(body.pop("collection_method")),
        notice_sha256=bytes.fromhex(digest) if digest else None,
        event_time=body.pop("event_time", None) or now(),
        **body,
    )
