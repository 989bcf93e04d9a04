"""`/v1/consents`: what a subject allowed or stopped, told by the tenant's own systems."""

from typing import Any
from uuid import UUID

from django.utils.timezone import now
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.fields import Strict, ZonedDateTimeField
from tenants.access.paging import PARAMETERS
from tenants.access.rights import Right
from tenants.consent.api_reading import LISTED, WHAT_FOR, WHOSE, RecordPage, records_page
from tenants.consent.api_signals import HONOURED, asks_to_stop
from tenants.consent.ledger import ConsentInput
from tenants.consent.models import ConsentRecord
from tenants.consent.queries import find_records
from tenants.consent.services import record_consent
from tenants.consent.signals import honour_gpc
from tenants.consent.vocabulary import (
    PURPOSES,
    AgeBand,
    CollectionMethod,
    ConsentEvent,
    LawfulBasis,
    Purpose,
)
from tenants.errors import AppError
from tenants.subjects.directory import ID_LENGTH, resolve
from tenants.subjects.suppression import refuse_erased


class Evidence(Strict):
    """Proof of the act: where it lies and its hash, or a consent string exactly as it came."""

    kind = serializers.CharField(max_length=100)
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)
    uri = serializers.CharField(required=False, max_length=2_000)
    value = serializers.CharField(required=False, max_length=20_000, trim_whitespace=False)


class ConsentBody(Strict):
    """One act. A grant names the notice that was shown; stopping needs three fields."""

    user_id = serializers.RegexField(r"^[^\x00-\x1f\x7f]+$", max_length=ID_LENGTH)
    purpose = serializers.ChoiceField(PURPOSES)
    event = serializers.ChoiceField([e.value for e in ConsentEvent])
    event_time = ZonedDateTimeField(required=False, help_text="Now, when left out.")
    lawful_basis = serializers.ChoiceField([b.value for b in LawfulBasis], default="consent")
    collection_method = serializers.ChoiceField([m.value for m in CollectionMethod], default="api")
    ui_variant = serializers.CharField(required=False, max_length=200)
    notice_id = serializers.CharField(required=False, max_length=200)
    notice_version = serializers.CharField(required=False, max_length=200)
    notice_language = serializers.CharField(required=False, max_length=35)
    notice_sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)
    pii_categories = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=50
    )
    jurisdiction = serializers.RegexField(r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$", required=False)
    expires_at = ZonedDateTimeField(required=False)
    retention_until = ZonedDateTimeField(required=False)
    age_band = serializers.ChoiceField([b.value for b in AgeBand], required=False)
    guardian_record_id = serializers.CharField(
        required=False, help_text="The record by which a guardian consented: cns_…"
    )
    recipients = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=50
    )
    storage_country = serializers.RegexField(r"^[A-Z]{2}$", required=False)
    transfer_mechanism = serializers.CharField(required=False, max_length=200)
    evidence = Evidence(required=False)
    withdrawal_method = serializers.CharField(required=False, max_length=200)
    supersedes = serializers.CharField(
        required=False, help_text="The record that this one corrects: cns_…"
    )


class ConsentAnswer(serializers.Serializer[Any]):
    """The record as it was stored."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="consent")
    receipt_id = serializers.CharField()
    purpose = serializers.CharField()
    event = serializers.CharField()
    event_time = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    record_hash = serializers.SerializerMethodField()
    gpc = serializers.CharField(
        read_only=True,
        default=None,
        allow_null=True,
        help_text='"honoured" where `Sec-GPC: 1` came with the request: the user is opted out of '
        "passing on and marketing.",
    )

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
RECORDED = OpenApiExample(
    "Recorded",
    value={
        "id": "cns_0353F0mAHdwSgGNeXHLs2l",
        "object": "consent",
        "receipt_id": "rcpt_0353F0mAHdwSgGNeXHLs2l",
        "purpose": "personalised_recommendation",
        "event": "withdrawn",
        "event_time": "2026-11-16T09:30:00Z",
        "recorded_at": "2026-11-16T09:30:01.402113Z",
        "record_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "gpc": None,
    },
    response_only=True,
    status_codes=["201"],
)


class ConsentList(TenantAPIView):
    """The acts of one user, and a way to record another. It counts from the next request on."""

    rights = {"GET": Right.READ_CONSENTS, "POST": Right.WRITE_CONSENTS}

    @extend_schema(
        operation_id="list_consents",
        tags=["consents"],
        parameters=[WHOSE, WHAT_FOR, *PARAMETERS],
        responses=RecordPage,
        examples=[LISTED],
    )
    def get(self, request: TenantRequest) -> Response:
        return records_page(request)

    @extend_schema(
        operation_id="record_consent",
        tags=["consents"],
        request=ConsentBody,
        responses={201: ConsentAnswer},
        examples=[WITHDRAWAL, RECORDED],
    )
    def post(self, request: TenantRequest) -> Response:
        form = ConsentBody(data=request.data)
        form.is_valid(raise_exception=True)
        user_id = form.validated_data["user_id"]
        record = record_consent(act=_act(form.validated_data), actor=request.actor)
        answer = {**ConsentAnswer(record).data, "gpc": None}
        if asks_to_stop(request):
            honour_gpc(user_ids=[user_id], actor=request.actor, told_at=record.event_time)
            answer["gpc"] = HONOURED
        return Response(answer, status=201)


def _act(body: dict[str, Any]) -> ConsentInput:
    user_id = body.pop("user_id")
    digest = body.pop("notice_sha256", None)
    event_time = body.pop("event_time", None) or now()
    refuse_erased(user_id, event_time)
    return ConsentInput(
        subject_id=resolve([user_id])[user_id],
        purpose=Purpose(body.pop("purpose")),
        event=ConsentEvent(body.pop("event")),
        lawful_basis=LawfulBasis(body.pop("lawful_basis")),
        collection_method=CollectionMethod(body.pop("collection_method")),
        notice_sha256=bytes.fromhex(digest) if digest else None,
        event_time=event_time,
        guardian_record_id=_named(body, "guardian_record_id"),
        supersedes=_named(body, "supersedes"),
        **body,
    )


def _named(body: dict[str, Any], field: str) -> UUID | None:
    """The stored record that `field` names; a name that leads nowhere proves nothing."""
    text = body.pop(field, None)
    if text is None:
        return None
    found = find_records([text]).get(text)
    if found is None:
        raise AppError("record_unknown", "There is no such consent record.", param=field)
    return found
