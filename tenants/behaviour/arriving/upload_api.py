"""`/v1/uploads`: send a file or say that it comes, ask what became of it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.paging import PARAMETERS, page_of
from tenants.access.parsers import JSONBody
from tenants.access.rights import Right
from tenants.behaviour.arriving.accepting import RIGHT_TO_UPLOAD, accept_upload
from tenants.behaviour.arriving.fetching import accept_source
from tenants.behaviour.arriving.parts import begin_upload
from tenants.behaviour.arriving.upload_examples import (
    BEGUN,
    BEGUN_ANSWER,
    FETCHED,
    LISTED,
    PROCESSED,
    SENT,
    TAKEN,
    UPLOAD_ID,
)
from tenants.behaviour.arriving.upload_forms import (
    UploadAnswer,
    UploadBody,
    UploadOrderBody,
    UploadPage,
)
from tenants.behaviour.models import Upload
from tenants.errors import NotFound
from tenants.ids import parse_id


class UploadList(TenantAPIView):
    """Uploads of events, items and consent records."""

    rights = {"GET": Right.READ_EVENTS, "POST": Right.WRITE_EVENTS}
    parser_classes = [MultiPartParser, JSONBody]

    def right_of(self, request: Request) -> Right:
        """Of a POST it depends on what the file holds: consent records need their own."""
        right = super().right_of(request)
        if request.method != "POST":
            return right
        form: Any = request.data
        kind = form.get("kind") if hasattr(form, "get") else None
        return RIGHT_TO_UPLOAD.get(str(kind), right)

    @extend_schema(
        operation_id="list_uploads",
        tags=["uploads"],
        responses=UploadPage,
        parameters=PARAMETERS,
        examples=[LISTED],
    )
    def get(self, request: TenantRequest) -> Response:
        page = page_of(request, Upload.objects.all(), "upload")
        return page.response(request, UploadAnswer(page.rows, many=True).data)

    @extend_schema(
        operation_id="create_upload",
        tags=["uploads"],
        description="A form brings the file itself, up to 256 MiB. A JSON body says what will come "
        "in parts, up to 10 GiB (see `put_upload_part`), or from where to fetch it.",
        request={"multipart/form-data": UploadBody, "application/json": UploadOrderBody},
        responses={201: UploadAnswer, 202: UploadAnswer},
        examples=[SENT, BEGUN, FETCHED, BEGUN_ANSWER, TAKEN],
    )
    def post(self, request: TenantRequest) -> Response:
        if request.content_type.startswith(JSONBody.media_type):
            return self._begin(request)
        form = UploadBody(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data.pop("file")
        upload = accept_upload(
            name=file.name, chunks=file.chunks(), actor=request.actor, **form.validated_data
        )
        return Response(UploadAnswer(upload).data, status=202)

    def _begin(self, request: TenantRequest) -> Response:
        form = UploadOrderBody(data=request.data)
        form.is_valid(raise_exception=True)
        order = form.validated_data
        if "source" in order:
            upload = accept_source(actor=request.actor, **order)
            return Response(UploadAnswer(upload).data, status=202)
        upload = begin_upload(size=order.pop("bytes"), actor=request.actor, **order)
        return Response(UploadAnswer(upload).data, status=201)


class UploadDetail(TenantAPIView):
    """One upload with its report."""

    rights = {"GET": Right.READ_EVENTS}

    @extend_schema(
        operation_id="get_upload",
        tags=["uploads"],
        parameters=[UPLOAD_ID],
        responses=UploadAnswer,
        examples=[PROCESSED],
    )
    def get(self, request: TenantRequest, upload_id: str) -> Response:
        upload = Upload.objects.filter(pk=parse_id("upload", upload_id)).first()
        if upload is None:
            raise NotFound("upload")
        return Response(UploadAnswer(upload).data)
