"""`/v1/uploads/{id}/rejected`: the rows of a file that were rejected, to repair and send again."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.rights import Right
from tenants.behaviour.arriving.accepting import RIGHT_TO_UPLOAD
from tenants.behaviour.arriving.upload_examples import UPLOAD_ID
from tenants.behaviour.models import Upload
from tenants.behaviour.processing.rejected import csv_reply, rejected_file
from tenants.errors import NotFound
from tenants.ids import parse_id

REJECTED = OpenApiExample(
    "Rejected rows",
    value="attune_row,attune_code,attune_reason,customer,sku,when\n"
    "7,missing_item,No item id. Add the id of the item.,13085,,2026-11-15T21:10:00Z\n",
    response_only=True,
    media_type="text/csv",
)


class RejectedRowsFile(TenantAPIView):
    """The rows of an upload that were rejected, as a CSV file with reasons: repair it and send it
    as a new upload. Kept for a week, 2,000 rows of each reason.
    """

    rights = {"GET": Right.WRITE_EVENTS}

    @extend_schema(
        operation_id="download_rejected_rows",
        tags=["uploads"],
        parameters=[UPLOAD_ID],
        responses={(200, "text/csv"): OpenApiTypes.STR},
        examples=[REJECTED],
    )
    def get(self, request: TenantRequest, upload_id: str) -> HttpResponse:
        upload = Upload.objects.filter(pk=parse_id("upload", upload_id)).first()
        if upload is None:
            raise NotFound("upload")
        self.require(RIGHT_TO_UPLOAD[upload.kind], request.key)
        return csv_reply(upload, rejected_file(upload=upload, actor=request.actor))
