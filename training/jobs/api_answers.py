"""What the API tells of a job: OpenAI's fine-tuning object, with what we know beside it."""

import math
from datetime import datetime, timedelta
from typing import Any

from django.utils.timezone import now
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.ids import public_id
from training.engine.params import AUTO, PARAMS
from training.jobs import life
from training.jobs.api_bodies import EVENTS, value_schema
from training.jobs.control import METHODS
from training.jobs.models import Job
from training.jobs.wording import failure_text

# Ours -> what the known clients call it; every other state has one name.
STATUS = {life.VALIDATING: "validating_files"}
STATUSES = tuple(STATUS.get(state, state) for state in life.STATES)
_VALUES = {name: value_schema(param) for name, param in PARAMS.items()}
COMPLETE = {"type": "object", "properties": _VALUES, "required": list(_VALUES)}
# The two names that the known clients look for.
KNOWN = {"n_epochs": _VALUES["epochs"], "learning_rate_multiplier": {"const": AUTO}}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


@extend_schema_field({"type": "integer"})
class Epoch(serializers.Field[Any, Any, Any, Any]):
    """Whole seconds since 1970, as the known clients expect every moment of a job."""

    def to_representation(self, value: datetime) -> int:
        return int(value.timestamp())


class FailureAnswer(serializers.Serializer[Any]):
    """Why a job failed."""

    code = serializers.CharField()
    message = serializers.CharField()
    param = serializers.CharField(allow_null=True)


class ProgressAnswer(serializers.Serializer[Any]):
    """How far a run is. `fraction` is of 1; `eta_seconds` is what is left of it."""

    fraction = serializers.FloatField()
    stage = serializers.CharField()
    eta_seconds = serializers.FloatField(allow_null=True)


class EstimateAnswer(serializers.Serializer[Any]):
    """What was expected before the start."""

    events = serializers.IntegerField(help_text="Events that consent allows to train on.")
    subjects = serializers.IntegerField()
    items = serializers.IntegerField()
    device_seconds = serializers.FloatField()
    based_on = serializers.CharField(
        help_text='"history": your own last jobs like it. "usual": what others measured.'
    )


class JobAnswer(serializers.Serializer[Any]):
    """A fine-tuning job. Moments are whole seconds since 1970."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="fine_tuning.job")
    created_at = Epoch()
    finished_at = Epoch(allow_null=True)
    estimated_finish = serializers.SerializerMethodField(help_text="While it runs; else null.")
    model = serializers.CharField(source="base_model", help_text="The base.")
    fine_tuned_model = serializers.SerializerMethodField(
        help_text="The version that came of it, once it succeeded."
    )
    name = serializers.CharField(help_text="As `suffix` when it was made.")
    status = serializers.SerializerMethodField(help_text=f"One of {', '.join(STATUSES)}.")
    method = serializers.SerializerMethodField()
    hyperparameters = serializers.SerializerMethodField()
    seed = serializers.IntegerField()
    error = serializers.SerializerMethodField()
    training_file = serializers.SerializerMethodField(
        help_text=f'"{EVENTS}", and the id of the frozen snapshot once the job has started.'
    )
    validation_file = serializers.CharField(read_only=True, default=None, allow_null=True)
    result_files = serializers.SerializerMethodField(help_text="Always empty.")
    trained_tokens = serializers.IntegerField(read_only=True, default=None, allow_null=True)
    organization_id = serializers.SerializerMethodField(help_text="The tenant.")
    metadata = serializers.SerializerMethodField()
    integrations = serializers.CharField(read_only=True, default=None, allow_null=True)
    progress = serializers.SerializerMethodField()
    estimate = serializers.SerializerMethodField()
    device = serializers.SerializerMethodField(help_text="Where it runs or ran last.")
    device_seconds = serializers.FloatField(help_text="For how long it has held its devices.")

    def get_status(self, job: Job) -> str:
        return STATUS.get(job.state, job.state)

    def get_estimated_finish(self, job: Job) -> int | None:
        left = job.progress.get("eta_seconds")
        if job.state != life.RUNNING or left is None:
            return None
        return int((now() + timedelta(seconds=float(left))).timestamp())

    def get_fine_tuned_model(self, job: Job) -> str | None:
        return version_of(job)

    @extend_schema_field(
        {
            "type": "object",
            "properties": {
                "type": {"type": "string"},
                **{
                    name: {"type": "object", "properties": {"hyperparameters": COMPLETE}}
                    for name in METHODS
                },
            },
            "required": ["type"],
        }
    )
    def get_method(self, job: Job) -> dict[str, Any]:
        return {"type": job.method, job.method: {"hyperparameters": chosen(job)}}

    @extend_schema_field({**COMPLETE, "properties": {**_VALUES, **KNOWN}})
    def get_hyperparameters(self, job: Job) -> dict[str, Any]:
        given = chosen(job)
        return {**given, "n_epochs": given["epochs"], "learning_rate_multiplier": AUTO}

    @extend_schema_field(FailureAnswer(allow_null=True))
    def get_error(self, job: Job) -> dict[str, Any] | None:
        if not job.error:
            return None
        code, params = job.error["code"], job.error.get("params", {})
        return {"code": code, "message": failure_text(code, params), "param": None}

    def get_training_file(self, job: Job) -> str:
        return public_id("snapshot", job.snapshot_id) if job.snapshot_id else EVENTS

    def get_result_files(self, job: Job) -> list[str]:
        return []

    def get_organization_id(self, job: Job) -> str:
        return public_id("tenant", job.tenant_id)

    @extend_schema_field(TEXTS)
    def get_metadata(self, job: Job) -> dict[str, str]:
        return dict(job.metadata)

    @extend_schema_field(ProgressAnswer(allow_null=True))
    def get_progress(self, job: Job) -> dict[str, Any] | None:
        line = job.progress
        if "fraction" not in line:
            return None
        return {
            "fraction": float(line["fraction"]),
            "stage": str(line.get("stage", "")),
            "eta_seconds": line.get("eta_seconds"),
        }

    @extend_schema_field(EstimateAnswer(allow_null=True))
    def get_estimate(self, job: Job) -> dict[str, Any] | None:
        return estimate_body(job.estimate) if job.estimate else None

    def get_device(self, job: Job) -> str | None:
        return job.device or None


def chosen(job: Job) -> dict[str, Any]:
    """Every hyper-parameter: what was given, else "auto"."""
    return {name: job.params.get(name, AUTO) for name in PARAMS}


def version_of(job: Job) -> str | None:
    """The public id of the version that a job ended in."""
    return next((version.public_id for version in job.versions.all()), None)


def estimate_body(estimate: dict[str, Any]) -> dict[str, Any]:
    """An estimate as the API tells it."""
    return {"based_on" if name == "from" else name: value for name, value in estimate.items()}


def finite(value: float | None) -> float | None:
    """JSON has no word for what a run that went astray may have measured."""
    return value if value is not None and math.isfinite(value) else None
