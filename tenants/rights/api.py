"""`/v1/rights_requests`: what persons ask about their own data, told and answered by the tenant's
own systems.
"""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.paging import PARAMETERS, page_of
from tenants.access.rights import Right
from tenants.access.schema import ErrorAnswer
from tenants.behaviour.landing.correcting import act_of
from tenants.consent.vocabulary import Purpose
from tenants.departure.zip_reply import zip_reply
from tenants.ids import parse_id
from tenants.rights import api_examples as examples
from tenants.rights import queries, rectifying, services
from tenants.rights.api_bodies import (
    CompleteBody,
    CorrectionAnswer,
    CorrectionBody,
    ExtendBody,
    ListQuery,
    RefuseBody,
    RequestAnswer,
    RequestBody,
    RequestPage,
    VerifyBody,
    evidence_of,
)
from tenants.rights.days import today
from tenants.rights.exports import download_export, make_export
from tenants.rights.models import RightsRequest
from tenants.rights.opening import open_request

TAGS = ["rights requests"]
MANAGE = Right.MANAGE_RIGHTS


class RightsRequestList(TenantAPIView):
    """Requests of persons about their own data. Each has a last day, by the law that counts.

    A restriction waits for `complete`; an opt-out and an objection count from the next answer on.
    """

    rights = {"GET": MANAGE, "POST": MANAGE}

    @extend_schema(
        operation_id="list_rights_requests",
        tags=TAGS,
        responses=RequestPage,
        parameters=[*PARAMETERS, examples.STATE, examples.KIND, examples.OVERDUE],
        examples=[examples.LISTED],
    )
    def get(self, request: TenantRequest) -> Response:
        query = ListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = dict(query.validated_data)
        rows = queries.listed(today(), late=wanted.pop("overdue"), **wanted)
        page = page_of(request, rows, "rights request")
        return page.response(request, [_told(row) for row in page.rows])

    @extend_schema(
        operation_id="create_rights_request",
        tags=TAGS,
        request=RequestBody,
        responses={201: RequestAnswer},
        examples=[examples.ACCESS, examples.OFF, examples.MADE],
    )
    def post(self, request: TenantRequest) -> Response:
        body = _read(RequestBody, request)
        body["evidence"] = evidence_of(body.get("evidence"))
        body["purposes"] = [Purpose(name) for name in body.get("purposes", ())]
        return Response(_told(open_request(actor=request.actor, **body)), status=201)


class RightsRequestDetail(TenantAPIView):
    """One request, as it stands now."""

    rights = {"GET": MANAGE}

    @extend_schema(
        operation_id="get_rights_request",
        tags=TAGS,
        parameters=[examples.REQUEST_ID],
        responses=RequestAnswer,
        examples=[examples.FOUND],
    )
    def get(self, request: TenantRequest, request_id: str) -> Response:
        return Response(_told(queries.found(parse_id("rights request", request_id))))


class RightsRequestAcknowledge(TenantAPIView):
    """Say that you told the person that their request has come."""

    rights = {"POST": MANAGE}

    @extend_schema(
        operation_id="acknowledge_rights_request",
        tags=TAGS,
        parameters=[examples.REQUEST_ID],
        request=None,
        responses=RequestAnswer,
        examples=[examples.ACKNOWLEDGED],
    )
    def post(self, request: TenantRequest, request_id: str) -> Response:
        return Response(_told(services.acknowledge(**_named(request, request_id))))


class RightsRequestVerify(TenantAPIView):
    """Say that you checked who asks. For access and portability the export is then made."""

    rights = {"POST": MANAGE}

    @extend_schema(
        operation_id="verify_rights_request",
        tags=TAGS,
        parameters=[examples.REQUEST_ID],
        request=VerifyBody,
        responses=RequestAnswer,
        examples=[examples.SHOWN, examples.FOUND],
    )
    def post(self, request: TenantRequest, request_id: str) -> Response:
        evidence = evidence_of(_read(VerifyBody, request).get("evidence"))
        done = services.verify_identity(evidence=evidence, **_named(request, request_id))
        return Response(_told(done))


class RightsRequestExtend(TenantAPIView):
    """Take the further time that the law gives, with the reason that you tell the person."""

    rights = {"POST": MANAGE}

    @extend_schema(
        operation_id="extend_rights_request",
        tags=TAGS,
        parameters=[examples.REQUEST_ID],
        request=ExtendBody,
        responses=RequestAnswer,
        examples=[examples.MORE_TIME, examples.EXTENDED],
    )
    def post(self, request: TenantRequest, request_id: str) -> Response:
        body = _read(ExtendBody, request)
        done = services.extend(
            code=body["reason"], answer=body["answer"], **_named(request, request_id)
        )
        return Response(_told(done))


class RightsRequestRefuse(TenantAPIView):
    """End a request without doing what it asks, with the reason that you tell the person."""

    rights = {"POST": MANAGE}

    @extend_schema(
        operation_id="refuse_rights_request",
        tags=TAGS,
        parameters=[examples.REQUEST_ID],
        request=RefuseBody,
        responses=RequestAnswer,
        examples=[examples.NO, examples.REFUSED],
    )
    def post(self, request: TenantRequest, request_id: str) -> Response:
        body = _read(RefuseBody, request)
        done = services.refuse(
            code=body["reason"], answer=body["answer"], **_named(request, request_id)
        )
        return Response(_told(done))


class RightsRequestComplete(TenantAPIView):
    """Carry a request out and end it. An erasure begins, and the request ends once all is swept."""

    rights = {"POST": MANAGE}

    @extend_schema(
        operation_id="complete_rights_request",
        tags=TAGS,
        parameters=[examples.REQUEST_ID],
        request=CompleteBody,
        responses=RequestAnswer,
        examples=[examples.DO, examples.DONE],
    )
    def post(self, request: TenantRequest, request_id: str) -> Response:
        answer = _read(CompleteBody, request).get("answer", "")
        return Response(_told(services.complete(answer=answer, **_named(request, request_id))))


class RightsRequestExport(TenantAPIView):
    """The export that answers an access or portability request: fetch it, or have one more made."""

    rights = {"GET": MANAGE, "POST": MANAGE}

    @extend_schema(
        operation_id="download_rights_request_export",
        tags=TAGS,
        parameters=[examples.REQUEST_ID],
        responses={(200, "application/zip"): OpenApiTypes.BINARY, 409: ErrorAnswer},
        examples=[examples.ZIP],
    )
    def get(self, request: TenantRequest, request_id: str) -> StreamingHttpResponse:
        return zip_reply(*download_export(**_named(request, request_id)))

    @extend_schema(
        operation_id="create_rights_request_export",
        tags=TAGS,
        parameters=[examples.REQUEST_ID],
        request=None,
        responses={202: RequestAnswer},
        examples=[examples.AGAIN],
    )
    def post(self, request: TenantRequest, request_id: str) -> Response:
        export = make_export(**_named(request, request_id))
        return Response(_told(export.request), status=202)


class RightsRequestCorrections(TenantAPIView):
    """Correct the data of the person who asked: one event's values, its deletion, or their id.

    For a request for rectification of somebody whose identity is verified. What is derived of the
    person follows with the next answer.
    """

    rights = {"POST": MANAGE}

    @extend_schema(
        operation_id="correct_rights_request",
        tags=TAGS,
        parameters=[examples.REQUEST_ID],
        request=CorrectionBody,
        responses={201: CorrectionAnswer},
        examples=[examples.FIX, examples.FORGET, examples.CORRECTED],
    )
    def post(self, request: TenantRequest, request_id: str) -> Response:
        body, named = _read(CorrectionBody, request), _named(request, request_id)
        if "user_id" in body:
            made = rectifying.correct_id(user_id=body["user_id"], **named)
        elif body.get("delete"):
            made = rectifying.delete_event(act=act_of(body["event_id"]), **named)
        else:
            act = act_of(body["event_id"])
            made = rectifying.correct_event(act=act, changes=dict(body["change"]), **named)
        return Response(CorrectionAnswer(made).data, status=201)


def _read(body: type[serializers.Serializer[Any]], request: TenantRequest) -> dict[str, Any]:
    form = body(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def _named(request: TenantRequest, request_id: str) -> dict[str, Any]:
    return {"request_id": parse_id("rights request", request_id), "actor": request.actor}


def _told(request: RightsRequest) -> Any:
    return RequestAnswer(request, context={"today": today()}).data
