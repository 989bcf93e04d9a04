"""`/v1/fine_tuning/jobs/{id}/…`: a job's events, its measured steps and its curves."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.paging import PARAMETERS, page_among, page_of
from tenants.access.rights import Right
from training.jobs import api_examples as examples
from training.jobs import queries
from training.jobs.api import TAGS, find_job
from training.jobs.api_answers import Epoch, finite, version_of
from training.jobs.models import Job, JobEvent
from training.jobs.queries import Checkpoint
from training.jobs.wording import event_text

FIGURE = {"type": ["number", "null"]}


class EventDataAnswer(serializers.Serializer[Any]):
    """The event for machines."""

    code = serializers.CharField()
    params: Any = serializers.DictField()


class JobEventAnswer(serializers.Serializer[Any]):
    """Something that happened to a job. `created_at` is whole seconds since 1970."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="fine_tuning.job.event")
    created_at = Epoch(source="at")
    level = serializers.CharField(help_text="One of info, warn, error.")
    message = serializers.SerializerMethodField()
    type = serializers.CharField(read_only=True, default="message")
    data = EventDataAnswer(source="*")  # type: ignore[assignment]

    def get_message(self, event: JobEvent) -> str:
        return event_text(event.code, event.params)


class JobEventPage(serializers.Serializer[Any]):
    """The latest events of a job, newest first."""

    object = serializers.CharField(read_only=True, default="list")
    data = JobEventAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class CheckpointAnswer(serializers.Serializer[Any]):
    """A step at which a run was measured on what it does not learn from.

    The best step of each series is what the job's version is made of, so
    `fine_tuned_model_checkpoint` is that version once the job has succeeded.
    """

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="fine_tuning.job.checkpoint")
    created_at = Epoch(source="at")
    fine_tuning_job_id = serializers.SerializerMethodField()
    fine_tuned_model_checkpoint = serializers.SerializerMethodField()
    series = serializers.CharField(help_text="The model of the run that was measured.")
    step_number = serializers.IntegerField(source="step")
    metrics = serializers.SerializerMethodField()

    def get_fine_tuning_job_id(self, _: Checkpoint) -> str:
        return str(self.context["job"].public_id)

    def get_fine_tuned_model_checkpoint(self, _: Checkpoint) -> str | None:
        return version_of(self.context["job"])

    @extend_schema_field(
        {
            "type": "object",
            "properties": {
                "step": {"type": "integer"},
                "train_loss": FIGURE,
                "valid_ndcg@10": FIGURE,
            },
            "required": ["step", "train_loss", "valid_ndcg@10"],
        }
    )
    def get_metrics(self, checkpoint: Checkpoint) -> dict[str, Any]:
        return {
            "step": checkpoint.step,
            "train_loss": finite(checkpoint.train_loss),
            "valid_ndcg@10": finite(checkpoint.valid_ndcg10),
        }


class CheckpointPage(serializers.Serializer[Any]):
    """The measured steps of a job, newest first."""

    object = serializers.CharField(read_only=True, default="list")
    data = CheckpointAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class PointAnswer(serializers.Serializer[Any]):
    """One point of a curve."""

    step = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True, help_text="null: not a number any more.")


class CurveAnswer(serializers.Serializer[Any]):
    """One measure of one series, in order of steps."""

    object = serializers.CharField(read_only=True, default="fine_tuning.job.curve")
    series = serializers.CharField()
    metric = serializers.CharField(help_text="loss, valid_ndcg@10.")
    points = PointAnswer(many=True)


class CurvePage(serializers.Serializer[Any]):
    """All curves of a job; they come whole."""

    object = serializers.CharField(read_only=True, default="list")
    data = CurveAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField(help_text="Always false.")


class JobEventList(TenantAPIView):
    """What happened to a job so far, newest first."""

    rights = {"GET": Right.READ_MODELS}

    @extend_schema(
        operation_id="list_fine_tuning_events",
        tags=TAGS,
        parameters=[examples.JOB_ID, *PARAMETERS],
        responses=JobEventPage,
        examples=[examples.TOLD],
    )
    def get(self, request: TenantRequest, job_id: str) -> Response:
        events = JobEvent.objects.filter(job=find_job(job_id))
        page = page_of(request, events, "job event", known_by="event_id")
        return page.response(request, JobEventAnswer(page.rows, many=True).data)


class CheckpointList(TenantAPIView):
    """The steps at which a job was measured, newest first; none before it runs."""

    rights = {"GET": Right.READ_MODELS}

    @extend_schema(
        operation_id="list_fine_tuning_checkpoints",
        tags=TAGS,
        parameters=[examples.JOB_ID, *PARAMETERS],
        responses=CheckpointPage,
        examples=[examples.MEASURED],
    )
    def get(self, request: TenantRequest, job_id: str) -> Response:
        job = find_job(job_id)
        page = page_among(request, queries.checkpoints(job), "checkpoint")
        answer = CheckpointAnswer(page.rows, many=True, context={"job": job})
        return page.response(request, answer.data)


class CurveList(TenantAPIView):
    """Every point that a job's training has measured so far, by series and measure."""

    rights = {"GET": Right.READ_MODELS}

    @extend_schema(
        operation_id="list_fine_tuning_metrics",
        tags=TAGS,
        parameters=[examples.JOB_ID],
        responses=CurvePage,
        examples=[examples.CURVES],
    )
    def get(self, request: TenantRequest, job_id: str) -> Response:
        data = CurveAnswer(_curves(find_job(job_id)), many=True).data
        return Response({"object": "list", "data": data, "has_more": False})


def _curves(job: Job) -> list[dict[str, Any]]:
    return [
        {
            "series": series,
            "metric": metric,
            "points": [{"step": step, "value": finite(value)} for step, value in points],
        }
        for (series, metric), points in sorted(queries.curves(job).items())
    ]
