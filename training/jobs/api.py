"""`/v1/fine_tuning/jobs`: order a job, follow it, ask it to stop, rest or go on; and what one
would take. Shaped like OpenAI's fine-tuning API, so that its clients work.
"""

import re
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.paging import PARAMETERS, page_of
from tenants.access.rights import Right
from tenants.errors import NotFound
from tenants.ids import parse_id
from training.jobs import api_examples as examples
from training.jobs.api_answers import JobAnswer, estimate_body
from training.jobs.api_bodies import JobBody, OrderBody, read_order
from training.jobs.control import cancel_job, create_job, pause_job, resume_job
from training.jobs.freezing import LEAST_EVENTS
from training.jobs.models import Job
from training.jobs.validating import foresee

TAGS = ["fine-tuning"]
PAIR = re.compile(r"metadata\[(.*)\]", re.DOTALL)


class JobPage(serializers.Serializer[Any]):
    """The latest jobs, newest first."""

    object = serializers.CharField(read_only=True, default="list")
    data = JobAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class ForesightAnswer(serializers.Serializer[Any]):
    """What a job would find and take if it started now."""

    object = serializers.CharField()
    model = serializers.CharField()
    enough_events = serializers.BooleanField(
        help_text=f"Whether there are {LEAST_EVENTS} events to train on; a job fails without."
    )
    events = serializers.IntegerField(help_text="Events that consent allows to train on.")
    subjects = serializers.IntegerField()
    items = serializers.IntegerField()
    device_seconds = serializers.FloatField(
        allow_null=True,
        help_text="For how long it will hold its devices, each of them counted; null without "
        "enough events.",
    )
    run_seconds = serializers.FloatField(allow_null=True, help_text="From its start to its end.")
    based_on = serializers.CharField(
        allow_null=True,
        help_text='"history": your own last jobs like it. "usual": what others measured.',
    )


class JobList(TenantAPIView):
    """Fine-tuning jobs.

    A job trains on the events of people whose consent allows it, as they are when it starts. What
    comes of it is a model version, which serves once it is approved and published.
    """

    rights = {"GET": Right.READ_MODELS, "POST": Right.MANAGE_MODELS}

    @extend_schema(
        operation_id="list_fine_tuning_jobs",
        tags=TAGS,
        responses=JobPage,
        parameters=[*PARAMETERS, examples.BY_METADATA],
        examples=[examples.LISTED],
    )
    def get(self, request: TenantRequest) -> Response:
        page = page_of(request, _with_metadata(request), "job")
        return page.response(request, JobAnswer(page.rows, many=True).data)

    @extend_schema(
        operation_id="create_fine_tuning_job",
        tags=TAGS,
        request=JobBody,
        responses={201: JobAnswer},
        examples=[examples.ORDERED, examples.TOGETHER, examples.PLAIN, examples.MADE],
    )
    def post(self, request: TenantRequest) -> Response:
        form = JobBody(data=request.data)
        form.is_valid(raise_exception=True)
        body = form.validated_data
        order = read_order(body)
        with order.placed():
            job = create_job(
                actor=request.actor,
                base_model=order.base_model,
                method=order.method,
                params=order.params,
                seed=body.get("seed") or 0,
                name=body.get("suffix") or "",
                metadata=body.get("metadata") or {},
            )
        return Response(JobAnswer(job).data, status=201)


class JobDetail(TenantAPIView):
    """One fine-tuning job, as it stands now."""

    rights = {"GET": Right.READ_MODELS}

    @extend_schema(
        operation_id="get_fine_tuning_job",
        tags=TAGS,
        parameters=[examples.JOB_ID],
        responses=JobAnswer,
        examples=[examples.FOUND],
    )
    def get(self, request: TenantRequest, job_id: str) -> Response:
        return Response(JobAnswer(find_job(job_id)).data)


class JobCancel(TenantAPIView):
    """End a job for good: at once while it waits, within two seconds or steps while it runs.

    Nothing is made of it. A job that has ended is refused with `job_ended`.
    """

    rights = {"POST": Right.MANAGE_MODELS}

    @extend_schema(
        operation_id="cancel_fine_tuning_job",
        tags=TAGS,
        parameters=[examples.JOB_ID],
        request=None,
        responses=JobAnswer,
        examples=[examples.CANCELLED],
    )
    def post(self, request: TenantRequest, job_id: str) -> Response:
        job = cancel_job(job_id=parse_id("job", job_id), actor=request.actor)
        return Response(JobAnswer(job).data)


class JobPause(TenantAPIView):
    """Let a job rest that waits or runs; it keeps what it has reached and gives its device back.

    In any other state it is refused with `not_pausable`.
    """

    rights = {"POST": Right.MANAGE_MODELS}

    @extend_schema(
        operation_id="pause_fine_tuning_job",
        tags=TAGS,
        parameters=[examples.JOB_ID],
        request=None,
        responses=JobAnswer,
        examples=[examples.PAUSED],
    )
    def post(self, request: TenantRequest, job_id: str) -> Response:
        job = pause_job(job_id=parse_id("job", job_id), actor=request.actor)
        return Response(JobAnswer(job).data)


class JobResume(TenantAPIView):
    """Let a paused job go on from where it was, when its turn comes.

    A job that is not paused is refused with `not_paused`.
    """

    rights = {"POST": Right.MANAGE_MODELS}

    @extend_schema(
        operation_id="resume_fine_tuning_job",
        tags=TAGS,
        parameters=[examples.JOB_ID],
        request=None,
        responses=JobAnswer,
        examples=[examples.RESUMED],
    )
    def post(self, request: TenantRequest, job_id: str) -> Response:
        job = resume_job(job_id=parse_id("job", job_id), actor=request.actor)
        return Response(JobAnswer(job).data)


class EstimateDetail(TenantAPIView):
    """What a job would take, before there is one: time, device-seconds, and the data it would see.

    Nothing is stored. An order that a job could not have is refused as it would be there.
    """

    rights = {"POST": Right.READ_MODELS}

    @extend_schema(
        operation_id="estimate_fine_tuning_job",
        tags=TAGS,
        request=OrderBody,
        responses=ForesightAnswer,
        examples=[examples.PLAIN, examples.FORESEEN],
    )
    def post(self, request: TenantRequest) -> Response:
        form = OrderBody(data=request.data)
        form.is_valid(raise_exception=True)
        order = read_order(form.validated_data)
        with order.placed():
            found = foresee(base_model=order.base_model, method=order.method, params=order.params)
        answer = {
            "object": "fine_tuning.estimate",
            "model": order.base_model,
            "enough_events": found["device_seconds"] is not None,
            **estimate_body(found),
            "run_seconds": _run_seconds(found["device_seconds"], order.params),
        }
        return Response(ForesightAnswer(answer).data)


def find_job(job_id: str) -> Job:
    """The job of this public id with its version; NotFound, also when it is another tenant's."""
    job = Job.objects.prefetch_related("versions").filter(pk=parse_id("job", job_id)).first()
    if job is None:
        raise NotFound("job")
    return job


def _run_seconds(device_seconds: float | None, params: dict[str, Any]) -> float | None:
    """Device-seconds of a job with these parameters as seconds by the clock."""
    if device_seconds is None:
        return None
    return round(device_seconds / Job(params=params).devices, 1)


def _with_metadata(request: Request) -> "QuerySet[Job]":
    """All jobs, or those that carry every pair of the query."""
    rows = Job.objects.prefetch_related("versions")
    pairs = {
        found[1]: str(value)
        for name, value in request.query_params.items()
        if (found := PAIR.fullmatch(name))
    }
    if "\0" in "".join((*pairs, *pairs.values())):  # no text that the database could hold
        return rows.none()
    return rows.filter(metadata__contains=pairs) if pairs else rows
