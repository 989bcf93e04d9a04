"""`/v1/uploads`: send a file, ask what became of it."""

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.paging import PARAMETERS, page_of
from tenants.access.rights import Right
from tenants.behaviour.api_examples import LISTED, PROCESSED, SENT, TAKEN, UPLOAD_ID
from tenants.behaviour.models import Upload
from tenants.behaviour.services import RIGHT_TO_UPLOAD, accept_upload
from tenants.behaviour.wording import refusal_text
from tenants.errors import NotFound
from tenants.ids import parse_id


class JSONText(serializers.CharField):
    """A form field that holds a JSON object."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            value = json.loads(data, parse_constant=_no_number)
            # The database stores neither NUL nor half a surrogate pair.
            storable = b"\\u0000" not in json.dumps(value, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError):
            storable = False
        if not storable or not isinstance(value, dict):
            raise serializers.ValidationError("Not a JSON object.")
        return value


def _no_number(name: str) -> None:
    raise ValueError(name)


class MappingText(JSONText):
    """A form field that holds a JSON object of texts."""

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if not all(isinstance(column, str) for column in value.values()):
            raise serializers.ValidationError("Name one column of the file for each of ours.")
        return value


@extend_schema_field(OpenApiTypes.BINARY)
class SentFile(serializers.FileField):
    """A part of a form that holds a file."""


class UploadBody(serializers.Serializer[Any]):
    """A CSV or Parquet file, what it holds, and how to read it."""

    kind = serializers.ChoiceField(Upload.KINDS)
    file = SentFile(allow_empty_file=True)
    mapping = MappingText(
        required=False,
        help_text='{"our_column": "column of the file"}; for events also '
        '{"context.country": "Country"}: keeps a column that tells groups',
    )
    options = JSONText(required=False, help_text='{"default_type": "purchase", …}')


class UploadAnswer(serializers.Serializer[Any]):
    """An upload and, once it is processed, its report."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="upload")
    kind = serializers.CharField()
    name = serializers.CharField()
    bytes = serializers.IntegerField()
    status = serializers.CharField(source="state")
    rows_done = serializers.IntegerField()
    report = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_report(self, upload: Upload) -> dict[str, Any] | None:
        return upload.report if upload.state == Upload.DONE else None

    def get_error(self, upload: Upload) -> dict[str, Any] | None:
        if not upload.error:
            return None
        return {**upload.error, "message": refusal_text(**upload.error)}


class UploadPage(serializers.Serializer[Any]):
    """The latest uploads, newest first."""

    object = serializers.CharField(read_only=True, default="list")
    data = UploadAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class UploadList(TenantAPIView):
    """Uploads of events, items and consent records."""

    rights = {"GET": Right.READ_EVENTS, "POST": Right.WRITE_EVENTS}
    parser_classes = [MultiPartParser]

    def right_of(self, request: Request) -> Right:
        """Of a POST it depends on what the file holds: consent records need their own."""
        right = super().right_of(request)
        if request.method != "POST":
            return right
        form: Any = request.data
        return RIGHT_TO_UPLOAD.get(str(form.get("kind")), right)

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
        request={"multipart/form-data": UploadBody},
        responses={202: UploadAnswer},
        examples=[SENT, TAKEN],
    )
    def post(self, request: TenantRequest) -> Response:
        form = UploadBody(data=request.data)
        form.is_valid(raise_exception=True)
        file = form.validated_data.pop("file")
        upload = accept_upload(
            name=file.name, chunks=file.chunks(), actor=request.actor, **form.validated_data
        )
        return Response(UploadAnswer(upload).data, status=202)


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
