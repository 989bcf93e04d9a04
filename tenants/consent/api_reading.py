"""`/v1/consents` read back: a user's acts, and what they amount to at any moment, as far as it was
known at any other.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.timezone import now
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.fields import ZonedDateTimeField
from tenants.access.paging import page_of
from tenants.access.rights import Right
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.consent.models import ConsentRecord
from tenants.consent.queries import state_at
from tenants.consent.vocabulary import Purpose
from tenants.ids import public_id
from tenants.subjects.directory import ID_LENGTH, audit_ref, find

PURPOSES = [purpose.value for purpose in Purpose]
WHOSE = OpenApiParameter(
    "user_id",
    {"type": "string", "minLength": 1, "maxLength": ID_LENGTH},
    required=True,
    description="Your id of the person, as in your events and consent records.",
    examples=[OpenApiExample("A user", value="13085")],
)
WHAT_FOR = OpenApiParameter(
    "purpose",
    {"type": "string", "enum": PURPOSES},
    description="One purpose alone; all of them when left out.",
)
AT = OpenApiParameter("at", OpenApiTypes.DATETIME, description="When; now, when left out.")
KNOWN_AT = OpenApiParameter(
    "known_at",
    OpenApiTypes.DATETIME,
    description="From what was recorded by then; all that is known, when left out.",
)


class WhoseQuery(serializers.Serializer[Any]):
    """Of whom, and for what."""

    user_id = serializers.CharField(max_length=ID_LENGTH)
    purpose = serializers.ChoiceField(PURPOSES, required=False)


class StateQuery(WhoseQuery):
    """Two clocks: when it happened, and when it was known."""

    at = ZonedDateTimeField(required=False)
    known_at = ZonedDateTimeField(required=False)


class RecordAnswer(serializers.Serializer[Any]):
    """A record as it is stored, by the fields of ISO/IEC TS 27560."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="consent")
    receipt_id = serializers.CharField()
    purpose = serializers.CharField()
    event = serializers.CharField()
    event_time = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    lawful_basis = serializers.CharField()
    collection_method = serializers.CharField()
    jurisdiction = serializers.CharField()
    age_band = serializers.CharField()
    notice_version = serializers.CharField()
    notice_language = serializers.CharField()
    notice_sha256 = serializers.SerializerMethodField()
    pii_categories = serializers.ListField(child=serializers.CharField())
    evidence = serializers.DictField()
    record_hash = serializers.SerializerMethodField()

    def get_notice_sha256(self, found: ConsentRecord) -> str | None:
        return bytes(found.notice_sha256).hex() if found.notice_sha256 else None

    def get_record_hash(self, found: ConsentRecord) -> str:
        return bytes(found.record_hash).hex()


class RecordPage(serializers.Serializer[Any]):
    """The latest records, newest first."""

    object = serializers.CharField(read_only=True, default="list")
    data = RecordAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class StateAnswer(serializers.Serializer[Any]):
    """What the records amount to; only `given` that is `allowed` lets data be used."""

    purpose = serializers.CharField()
    state = serializers.CharField()
    code = serializers.CharField(allow_null=True, help_text="Why it is not allowed.")
    allowed = serializers.BooleanField()
    record_id = serializers.CharField(allow_null=True)
    valid_from = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)


class StatesAnswer(serializers.Serializer[Any]):
    """One state for each purpose that was asked for."""

    object = serializers.CharField(read_only=True, default="consent_states")
    user_id = serializers.CharField()
    at = serializers.DateTimeField()
    known_at = serializers.DateTimeField(allow_null=True)
    data = StateAnswer(many=True)  # type: ignore[assignment]


RECORD: dict[str, Any] = {
    "id": "cns_0353F0mAHdwSgGNeXHLs2l",
    "object": "consent",
    "receipt_id": "rcpt_0353F0mAHdwSgGNeXHLs2l",
    "purpose": "model_training",
    "event": "given",
    "event_time": "2026-11-16T09:30:00Z",
    "recorded_at": "2026-11-16T09:30:01.402113Z",
    "expires_at": None,
    "lawful_basis": "consent",
    "collection_method": "web_form",
    "jurisdiction": "FR",
    "age_band": "",
    "notice_version": "3",
    "notice_language": "fr",
    "notice_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "pii_categories": ["purchases"],
    "evidence": {},
    "record_hash": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
}
LISTED = OpenApiExample(
    "Consents", value={"object": "list", "data": [RECORD], "has_more": False}, response_only=True,
    status_codes=["200"],
)  # fmt: skip
KNOWN_THEN = OpenApiExample(
    "Known then",
    value={
        "object": "consent_states",
        "user_id": "13085",
        "at": "2026-11-17T00:00:00Z",
        "known_at": "2026-11-18T00:00:00Z",
        "data": [
            {
                "purpose": "model_training",
                "state": "given",
                "code": None,
                "allowed": True,
                "record_id": "cns_0353F0mAHdwSgGNeXHLs2l",
                "valid_from": "2026-11-16T09:30:00Z",
                "ends_at": None,
            }
        ],
    },
    response_only=True,
)


def records_page(request: TenantRequest) -> Response:
    """One page of a user's records; that they were read is recorded."""
    query = WhoseQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    rows = ConsentRecord.objects.filter(
        subject_id=_looked_at(request, query.validated_data["user_id"])
    )
    if purpose := query.validated_data.get("purpose"):
        rows = rows.filter(purpose=purpose)
    page = page_of(request, rows, "consent record")
    return page.response(request, RecordAnswer(page.rows, many=True).data)


class ConsentStates(TenantAPIView):
    """What a user's consents amount to at a moment, from what was known at another.

    A withdrawal that arrived late changes what is known of the past, not what was known then.
    """

    rights = {"GET": Right.READ_CONSENTS}

    @extend_schema(
        operation_id="get_consent_states",
        tags=["consents"],
        parameters=[WHOSE, WHAT_FOR, AT, KNOWN_AT],
        responses=StatesAnswer,
        examples=[KNOWN_THEN],
    )
    def get(self, request: TenantRequest) -> Response:
        query = StateQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        subject_id = _looked_at(request, asked["user_id"])
        at, known_at = asked.get("at") or now(), asked.get("known_at")
        purposes = [Purpose(asked["purpose"])] if asked.get("purpose") else list(Purpose)
        told = {
            "user_id": asked["user_id"],
            "at": at,
            "known_at": known_at,
            "data": [_state(subject_id, purpose, at, known_at) for purpose in purposes],
        }
        return Response(StatesAnswer(told).data)


def _looked_at(request: TenantRequest, user_id: str) -> int:
    """The person who is asked about, and an entry that somebody did; 0 for nobody we know."""
    subject = find(user_id)
    if subject is None:
        return 0
    record(
        AuditEvent.SUBJECT_VIEWED,
        actor=request.actor,
        subject_ref=audit_ref(subject.id),
        details={"page": "v1/consents"},
    )
    return subject.id


def _state(
    subject_id: int, purpose: Purpose, at: datetime, known_at: datetime | None
) -> dict[str, Any]:
    state = state_at(subject_id, purpose, at, known_at)
    named = public_id("consent record", UUID(state.record_id)) if state.record_id else None
    return {
        "purpose": purpose.value,
        "state": state.state,
        "code": state.code or None,
        "allowed": state.allows(at),
        "record_id": named,
        "valid_from": state.valid_from,
        "ends_at": state.ends_at,
    }
