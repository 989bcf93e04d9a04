"""`/v1/erasures/{id}`: how far an erasure is, and its certificate."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.rights import Right
from tenants.erasure.certificate import document
from tenants.erasure.models import Erasure
from tenants.erasure.queries import Status, status_of
from tenants.ids import parse_id

TAGS = ["erasures"]
ERASURE_ID = OpenApiParameter(
    "erasure_id",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="The erasure's id.",
    examples=[OpenApiExample("An erasure", value="ers_0353F0mAHdwSgGNeXHLs2l")],
)


class ErasureAnswer(serializers.Serializer[Any]):
    """An erasure. `before` and `after` count rows and other things by name; `left` is what should
    be gone and is not yet; `versions` are the model versions that had learnt from the person."""

    id = serializers.CharField(source="erasure.public_id")
    object = serializers.CharField(read_only=True, default="erasure")
    state = serializers.ChoiceField(Erasure.STATES)
    request = serializers.CharField(source="erasure.request_ref", allow_blank=True)
    begun_at = serializers.DateTimeField(source="erasure.begun_at")
    swept_at = serializers.DateTimeField(source="erasure.swept_at", allow_null=True)
    rescanned_at = serializers.DateTimeField(source="erasure.rescanned_at", allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    before: Any = serializers.DictField(source="erasure.before", child=serializers.IntegerField())
    after: Any = serializers.DictField(source="erasure.after", child=serializers.IntegerField())
    left: Any = serializers.DictField(child=serializers.IntegerField())
    snapshots = serializers.SerializerMethodField()
    versions = serializers.SerializerMethodField()

    def get_snapshots(self, status: Status) -> list[dict[str, Any]]:
        return list(status.facts.get("snapshots", []))

    def get_versions(self, status: Status) -> list[dict[str, Any]]:
        return list(status.facts.get("versions", []))


class StatementAnswer(serializers.Serializer[Any]):
    """One signed statement: the signature is Ed25519 over `attune signature v1: certificate`, a NUL
    and the bytes of `text`."""

    kind = serializers.CharField(help_text="certificate, rescan or models.")
    text = serializers.CharField(help_text="Canonical JSON (RFC 8785).")
    key_id = serializers.CharField()
    signature = serializers.CharField(help_text="64 bytes in base64.")


class CertificateAnswer(serializers.Serializer[Any]):
    """The certificate and what was added to it later."""

    object = serializers.CharField()
    format = serializers.IntegerField()
    erasure = serializers.CharField()
    public_key = serializers.CharField(help_text="The tenant's: 64 hexadecimal digits to pin.")
    statements = StatementAnswer(many=True)


SWEPT = OpenApiExample(
    "Swept",
    value={
        "id": "ers_0353F0mAHdwSgGNeXHLs2l",
        "object": "erasure",
        "state": "models_due",
        "request": "rrq_0353F0mAHdwSgGNeXHLs2l",
        "begun_at": "2026-11-16T09:30:00Z",
        "swept_at": "2026-11-16T09:30:04Z",
        "rescanned_at": None,
        "finished_at": None,
        "before": {"event": 61, "consent_record": 4, "snapshot_files": 1},
        "after": {"event": 0, "consent_record": 4, "snapshot_files": 0},
        "left": {"version_weights": 1},
        "snapshots": [],
        "versions": [
            {
                "id": "ver_0353F0hePqfNw4OQDLB98T",
                "number": 3,
                "state": "tainted",
                "due_at": "2026-12-16T09:30:00Z",
                "manifest_sha256": "9f86d081884c7d65" * 4,
            }
        ],
    },
    response_only=True,
)


CERTIFIED = OpenApiExample(
    "Certified",
    value={
        "object": "erasure_certificate",
        "format": 1,
        "erasure": "ers_0353F0mAHdwSgGNeXHLs2l",
        "public_key": "9f86d081884c7d65" * 4,
        "statements": [
            {
                "kind": "certificate",
                "text": '{"destroyed_keys":["3a7bd3e2360a3d29"],"kind":"certificate"}',
                "key_id": "ab4f63f9ac65152f",
                "signature": "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=",
            }
        ],
    },
    response_only=True,
)


class ErasureDetail(TenantAPIView):
    """How far the erasure of a person is."""

    rights = {"GET": Right.MANAGE_RIGHTS}

    @extend_schema(
        operation_id="get_erasure",
        tags=TAGS,
        parameters=[ERASURE_ID],
        responses=ErasureAnswer,
        examples=[SWEPT],
    )
    def get(self, request: TenantRequest, erasure_id: str) -> Response:
        status = status_of(parse_id("erasure", erasure_id))
        return Response(ErasureAnswer(status).data)


class ErasureCertificate(TenantAPIView):
    """The signed certificate of an erasure; `verify_certificate.py` checks it offline."""

    rights = {"GET": Right.MANAGE_RIGHTS}

    @extend_schema(
        operation_id="get_erasure_certificate",
        tags=TAGS,
        parameters=[ERASURE_ID],
        responses=CertificateAnswer,
        examples=[CERTIFIED],
    )
    def get(self, request: TenantRequest, erasure_id: str) -> Response:
        status = status_of(parse_id("erasure", erasure_id))
        return Response(document(status.erasure))
