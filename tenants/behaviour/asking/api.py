"""`/v1/uploads/{id}/start`: have a file stored that was checked first."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from tenants.access.api import TenantRequest
from tenants.access.parsers import JSONBody
from tenants.access.rights import Right
from tenants.behaviour.arriving.api import OpenUploadView
from tenants.behaviour.arriving.upload_examples import STARTED, TAKEN, UPLOAD_ID
from tenants.behaviour.arriving.upload_forms import StartBody, UploadAnswer
from tenants.behaviour.asking.services import start_upload


class UploadStart(OpenUploadView):
    """The end of a dry run."""

    rights = {"POST": Right.WRITE_EVENTS}
    parser_classes = [JSONBody]

    @extend_schema(
        operation_id="start_upload",
        tags=["uploads"],
        description="Has a file processed that waits after a dry run (`status` is `mapping`), with "
        "the mapping and options of the dry run or with others.",
        parameters=[UPLOAD_ID],
        request=StartBody,
        responses={202: UploadAnswer},
        examples=[STARTED, TAKEN],
    )
    def post(self, request: TenantRequest, upload_id: str) -> Response:
        upload = self.opened(request, upload_id)
        form = StartBody(data=request.data)
        form.is_valid(raise_exception=True)
        upload = start_upload(upload_id=upload.id, actor=request.actor, **form.validated_data)
        return Response(UploadAnswer(upload).data, status=202)
