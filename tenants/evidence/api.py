"""`/v1/audit`: the log, its signed checkpoints, and exports for auditors."""

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.response import Response

from tenants.access import paging
from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.rights import Right
from tenants.access.schema import ErrorAnswer
from tenants.audit.models import AuditCheckpoint, AuditEntry
from tenants.departure.zip_reply import zip_reply
from tenants.errors import NotFound
from tenants.evidence.api_forms import (
    CHECKPOINT,
    ENTRY,
    EVIDENCE_ID,
    EXPORT,
    AuditCheckpointAnswer,
    AuditEntryAnswer,
    AuditExportAnswer,
    AuditExportBody,
    AuditFilters,
    filters_of,
    listed,
    page_of,
    shown,
)
from tenants.evidence.audit_log import conditions_of, kind
from tenants.evidence.models import EvidenceExport
from tenants.evidence.options import read_options
from tenants.evidence.services import download_evidence, request_evidence
from tenants.ids import parse_id
from tenants.subjects.viewing import note_subject_viewed

ORDER = OpenApiExample("A month", value={"since": "2026-11-01T00:00:00Z"}, request_only=True)


class EntryList(TenantAPIView):
    """The entries of the log, the newest first; to ask for those of a person is a look at them."""

    rights = {"GET": Right.READ_AUDIT}

    @extend_schema(
        operation_id="list_audit_entries",
        tags=["audit"],
        parameters=[AuditFilters, *paging.PARAMETERS],
        responses=page_of(AuditEntryAnswer),
        examples=[listed(ENTRY)],
    )
    def get(self, request: TenantRequest) -> Response:
        query = AuditFilters(data=request.query_params)
        query.is_valid(raise_exception=True)
        options = read_options(filters_of(query.validated_data), kind.filters)
        entries = AuditEntry.objects.filter(**conditions_of(options)).prefetch_related("detail")
        page = paging.page_of(request, entries, "audit entry", ordered_by="seq")
        told = AuditEntryAnswer(page.rows, many=True).data
        if "subject_id" in options:
            subject_id = options["subject_id"]
            note_subject_viewed(subject_id=subject_id, page="audit", actor=request.actor)
        return page.response(request, told)


class CheckpointList(TenantAPIView):
    """The signed checkpoints over the log, the newest first."""

    rights = {"GET": Right.READ_AUDIT}

    @extend_schema(
        operation_id="list_audit_checkpoints",
        tags=["audit"],
        parameters=paging.PARAMETERS,
        responses=page_of(AuditCheckpointAnswer),
        examples=[listed(CHECKPOINT)],
    )
    def get(self, request: TenantRequest) -> Response:
        page = paging.page_of(request, AuditCheckpoint.objects.all(), "checkpoint of the log")
        return page.response(request, AuditCheckpointAnswer(page.rows, many=True).data)


class ExportList(TenantAPIView):
    """Exports for auditors; each is kept for seven days."""

    rights = {"GET": Right.READ_AUDIT, "POST": Right.READ_AUDIT}

    @extend_schema(
        operation_id="list_audit_exports",
        tags=["audit"],
        parameters=paging.PARAMETERS,
        responses=page_of(AuditExportAnswer),
        examples=[listed(EXPORT)],
    )
    def get(self, request: TenantRequest) -> Response:
        page = paging.page_of(request, EvidenceExport.objects.all(), "evidence")
        return page.response(request, AuditExportAnswer(page.rows, many=True).data)

    @extend_schema(
        operation_id="create_audit_export",
        tags=["audit"],
        request=AuditExportBody,
        responses={202: AuditExportAnswer},
        examples=[ORDER, shown({**EXPORT, "state": "waiting"}, "202")],
    )
    def post(self, request: TenantRequest) -> Response:
        form = AuditExportBody(data=request.data)
        form.is_valid(raise_exception=True)
        given = dict(form.validated_data)
        wanted = given.pop("kind")
        made = request_evidence(kind=wanted, filters=filters_of(given), actor=request.actor)
        return Response(AuditExportAnswer(made).data, status=202)


class ExportDetail(TenantAPIView):
    """How far one export is."""

    rights = {"GET": Right.READ_AUDIT}

    @extend_schema(
        operation_id="get_audit_export",
        tags=["audit"],
        parameters=[EVIDENCE_ID],
        responses=AuditExportAnswer,
        examples=[shown(EXPORT)],
    )
    def get(self, request: TenantRequest, evidence_id: str) -> Response:
        pk = parse_id("evidence", evidence_id)
        export = EvidenceExport.objects.filter(pk=pk).first()
        if export is None:
            raise NotFound("evidence")
        return Response(AuditExportAnswer(export).data)


class ExportContent(TenantAPIView):
    """The zip: files, signed manifest, and `verify.py`, which needs no network."""

    rights = {"GET": Right.READ_AUDIT}

    @extend_schema(
        operation_id="download_audit_export",
        tags=["audit"],
        parameters=[EVIDENCE_ID],
        responses={(200, "application/zip"): OpenApiTypes.BINARY, 409: ErrorAnswer},
    )
    def get(self, request: TenantRequest, evidence_id: str) -> HttpResponseBase:
        pk = parse_id("evidence", evidence_id)
        return zip_reply(*download_evidence(export_id=pk, actor=request.actor))
