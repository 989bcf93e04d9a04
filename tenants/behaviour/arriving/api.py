"""`/v1/uploads/{id}/parts/{offset}`, `/complete` and `/cancel`: a file in parts."""

import base64
import re
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.parsers import PartBody
from tenants.access.rights import Right
from tenants.behaviour.arriving.accepting import RIGHT_TO_UPLOAD
from tenants.behaviour.arriving.parts import complete_upload, give_up, take_part
from tenants.behaviour.arriving.upload_examples import (
    COMPLETED,
    DIGEST,
    GIVEN_UP,
    OFFSET,
    PART,
    PART_TAKEN,
    TAKEN,
    UPLOAD_ID,
)
from tenants.behaviour.arriving.upload_forms import UploadAnswer
from tenants.behaviour.models import Upload
from tenants.errors import AppError, NotFound
from tenants.ids import parse_id

DIGEST_FORM = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")


class OpenUploadView(TenantAPIView):
    """A view of one upload that is not complete. What it holds asks for a right of its own."""

    def opened(self, request: TenantRequest, upload_id: str) -> Upload:
        """The upload; NotFound, or Denied to a key that may not send such a file."""
        upload = Upload.objects.filter(pk=parse_id("upload", upload_id)).first()
        if upload is None:
            raise NotFound("upload")
        self.require(RIGHT_TO_UPLOAD[upload.kind], request.key)
        return upload


class UploadPart(OpenUploadView):
    """One part of a file."""

    rights = {"PUT": Right.WRITE_EVENTS}
    parser_classes = [PartBody]

    @extend_schema(
        operation_id="put_upload_part",
        tags=["uploads"],
        description="Keeps the bytes of the file from `offset` on: up to 8 MiB, all parts but the "
        "last a whole number of MiB. Parts come one after another; the same part sent again "
        "changes nothing. After a break, `bytes_received` of the upload says where to go on.",
        parameters=[UPLOAD_ID, OFFSET, DIGEST],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses=UploadAnswer,
        examples=[PART, PART_TAKEN],
    )
    def put(self, request: TenantRequest, upload_id: str, offset: int) -> Response:
        upload = self.opened(request, upload_id)
        body: Any = request.data
        part = body["part"].read() if "part" in body else b""
        digest = sha256_of(request.headers.get("Content-Digest"))
        upload = take_part(upload_id=upload.id, offset=offset, part=part, sha256=digest)
        return Response(UploadAnswer(upload).data)


def sha256_of(header: str | None) -> bytes | None:
    """The digest that a sender states; AppError when it is none that is known here."""
    if header is None:
        return None
    found = DIGEST_FORM.fullmatch(header.strip())
    if not found:
        raise AppError(
            "bad_digest", "Write the part's SHA-256 as sha-256=:BASE64:.", param="Content-Digest"
        )
    return base64.b64decode(found[1])


class CompletionBody(serializers.Serializer[Any]):
    """That all parts were sent, and what they should amount to."""

    sha256 = serializers.RegexField(
        "^[0-9a-f]{64}$", help_text="Of the whole file, in small hexadecimal digits."
    )


class UploadComplete(OpenUploadView):
    """The end of a file that came in parts."""

    rights = {"POST": Right.WRITE_EVENTS}

    @extend_schema(
        operation_id="complete_upload",
        tags=["uploads"],
        description="Has the file processed once every byte of it is here. Its SHA-256 is compared "
        "before any row of it is believed. Said again, nothing changes.",
        parameters=[UPLOAD_ID],
        request=CompletionBody,
        responses={202: UploadAnswer},
        examples=[COMPLETED, TAKEN],
    )
    def post(self, request: TenantRequest, upload_id: str) -> Response:
        upload = self.opened(request, upload_id)
        form = CompletionBody(data=request.data)
        form.is_valid(raise_exception=True)
        digest = bytes.fromhex(form.validated_data["sha256"])
        upload = complete_upload(upload_id=upload.id, sha256=digest, actor=request.actor)
        return Response(UploadAnswer(upload).data, status=202)


class UploadCancel(OpenUploadView):
    """A file that will not be completed."""

    rights = {"POST": Right.WRITE_EVENTS}

    @extend_schema(
        operation_id="cancel_upload",
        tags=["uploads"],
        description="Gives up an upload that is not complete, and destroys its parts. What nothing "
        "comes of for a day is given up by itself.",
        parameters=[UPLOAD_ID],
        request=None,
        responses=UploadAnswer,
        examples=[GIVEN_UP],
    )
    def post(self, request: TenantRequest, upload_id: str) -> Response:
        upload = self.opened(request, upload_id)
        upload = give_up(upload_id=upload.id, actor=request.actor)
        return Response(UploadAnswer(upload).data)
