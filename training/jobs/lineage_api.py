"""`/v1/models` and the lineage between models and consents, both ways."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.paging import PARAMETERS, page_of
from tenants.access.rights import Right
from tenants.consent.api import ConsentAnswer
from tenants.ids import parse_id, public_id
from training.jobs.api_answers import Epoch
from training.jobs.lineage import find_record, find_version, records_of, versions_of
from training.jobs.models import Publication, Version

TAGS = ["models"]
MODEL = {
    "id": "ver_0353F0hePqfNw4OQDLB98T",
    "object": "model",
    "created": 1763285400,
    "owned_by": "tnt_0353F0hePqfNw4OQDLB98T",
    "number": 3,
    "state": "approved",
    "fate": "clean",
    "due_at": None,
    "serving": True,
    "fine_tuning_job": "ftjob_0353F0hePqfNw4OQDLB98T",
    "snapshot": "snp_0353F0hePqfNw4OQDLB98T",
    "manifest_sha256": "9f86d081884c7d65" * 4,
}
CONSENT = {
    "id": "cns_0353F0mAHdwSgGNeXHLs2l",
    "object": "consent",
    "receipt_id": "rcpt_0353F0mAHdwSgGNeXHLs2l",
    "purpose": "model_training",
    "event": "given",
    "event_time": "2026-11-01T09:30:00Z",
    "recorded_at": "2026-11-01T09:30:01.402113Z",
    "record_hash": "9f86d081884c7d65" * 4,
    "gpc": None,
}


def _example(name: str, value: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True)


def _page(line: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": [line], "has_more": False}


MODEL_ID = OpenApiParameter(
    "model_id",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="A model's id: ver_…, as `fine_tuned_model` of a job that succeeded.",
    examples=[OpenApiExample("A model", value=MODEL["id"])],
)
CONSENT_ID = OpenApiParameter(
    "consent_id",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="A consent record's id: cns_…",
    examples=[OpenApiExample("A consent record", value=CONSENT["id"])],
)


class ModelAnswer(serializers.Serializer[Any]):
    """A model version. `fate` is clean, tainted (it is replaced by `due_at`), stopped, replaced or
    retired; the last two have lost their weights."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="model")
    created = Epoch(source="created_at")
    owned_by = serializers.SerializerMethodField()
    number = serializers.IntegerField()
    state = serializers.CharField()
    fate = serializers.CharField()
    due_at = serializers.DateTimeField(allow_null=True)
    serving = serializers.SerializerMethodField()
    fine_tuning_job = serializers.SerializerMethodField()
    snapshot = serializers.SerializerMethodField()
    manifest_sha256 = serializers.SerializerMethodField()

    def get_owned_by(self, version: Version) -> str:
        return public_id("tenant", version.tenant_id)

    def get_serving(self, version: Version) -> bool:
        return version.pk in self.context["serving"]

    def get_fine_tuning_job(self, version: Version) -> str:
        return public_id("job", version.job_id)

    def get_snapshot(self, version: Version) -> str:
        return public_id("snapshot", version.snapshot_id)

    def get_manifest_sha256(self, version: Version) -> str:
        return bytes(version.manifest_sha256).hex()


class ModelPage(serializers.Serializer[Any]):
    """Models, newest first."""

    object = serializers.CharField(read_only=True, default="list")
    data = ModelAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class ConsentPage(serializers.Serializer[Any]):
    """Consent records, newest first."""

    object = serializers.CharField(read_only=True, default="list")
    data = ConsentAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


def _told(versions: Any, *, many: bool = True) -> Any:
    serving = set(Publication.objects.values_list("version_id", flat=True))
    return ModelAnswer(versions, many=many, context={"serving": serving}).data


class ModelList(TenantAPIView):
    """Every model version that was trained."""

    rights = {"GET": Right.READ_MODELS}

    @extend_schema(
        operation_id="list_models",
        tags=TAGS,
        parameters=PARAMETERS,
        responses=ModelPage,
        examples=[_example("Models", _page(MODEL))],
    )
    def get(self, request: TenantRequest) -> Response:
        page = page_of(request, Version.objects.all(), "version")
        return page.response(request, _told(page.rows))


class ModelDetail(TenantAPIView):
    """One model version."""

    rights = {"GET": Right.READ_MODELS}

    @extend_schema(
        operation_id="get_model",
        tags=TAGS,
        parameters=[MODEL_ID],
        responses=ModelAnswer,
        examples=[_example("A model", MODEL)],
    )
    def get(self, request: TenantRequest, model_id: str) -> Response:
        return Response(_told(find_version(parse_id("version", model_id)), many=False))


class ModelConsents(TenantAPIView):
    """The consent records that allowed a model's training data, one for each person in them."""

    rights = {"GET": Right.READ_CONSENTS}

    @extend_schema(
        operation_id="list_consents_of_model",
        tags=TAGS,
        parameters=[MODEL_ID, *PARAMETERS],
        responses=ConsentPage,
        examples=[_example("Consents", _page(CONSENT))],
    )
    def get(self, request: TenantRequest, model_id: str) -> Response:
        version = find_version(parse_id("version", model_id))
        page = page_of(request, records_of(version), "consent record")
        return page.response(request, ConsentAnswer(page.rows, many=True).data)


class ConsentModels(TenantAPIView):
    """The models whose training data relied on a consent record."""

    rights = {"GET": Right.READ_CONSENTS}

    @extend_schema(
        operation_id="list_models_of_consent",
        tags=TAGS,
        parameters=[CONSENT_ID, *PARAMETERS],
        responses=ModelPage,
        examples=[_example("Models", _page(MODEL))],
    )
    def get(self, request: TenantRequest, consent_id: str) -> Response:
        record = find_record(parse_id("consent record", consent_id))
        page = page_of(request, versions_of(record), "version")
        return page.response(request, _told(page.rows))
