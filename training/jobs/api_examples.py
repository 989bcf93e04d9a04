"""Examples of the OpenAPI document about fine-tuning; a test holds them against their schemas."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from training.engine.params import AUTO, PARAMS

JOB = "ftjob_0353F0mAHdwSgGNeXHLs2l"
CHOSEN: dict[str, Any] = {**dict.fromkeys(PARAMS, AUTO), "epochs": 3}
ESTIMATE: dict[str, Any] = {
    "events": 48211,
    "subjects": 2930,
    "items": 3817,
    "device_seconds": 110.6,
    "based_on": "usual",
}
WAITING: dict[str, Any] = {
    "id": JOB,
    "object": "fine_tuning.job",
    "created_at": 1795253400,
    "finished_at": None,
    "estimated_finish": None,
    "model": "all-MiniLM-L6-v2",
    "fine_tuned_model": None,
    "name": "autumn",
    "status": "validating_files",
    "method": {"type": "lora", "lora": {"hyperparameters": CHOSEN}},
    "hyperparameters": {**CHOSEN, "n_epochs": 3, "learning_rate_multiplier": AUTO},
    "seed": 7,
    "error": None,
    "training_file": "events",
    "validation_file": None,
    "result_files": [],
    "trained_tokens": None,
    "organization_id": "tnt_0353ExsTFnRpsNfFOQAlWu",
    "metadata": {"asked_by": "night run"},
    "integrations": None,
    "progress": None,
    "estimate": None,
    "device": None,
    "device_seconds": 0.0,
}
RUNNING: dict[str, Any] = {
    **WAITING,
    "status": "running",
    "estimated_finish": 1795253520,
    "training_file": "snp_0353F14uFCaOFiAcwC1Rkg",
    "progress": {"fraction": 0.42, "stage": "sequence", "eta_seconds": 61.0},
    "estimate": ESTIMATE,
    "device": "cpu",
    "device_seconds": 45.2,
}


def _answer(name: str, value: Any, status: str = "200") -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=[status])


def _list(*rows: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(rows), "has_more": more}


ORDERED = OpenApiExample(
    "A job",
    value={
        "model": "all-MiniLM-L6-v2",
        "training_file": "events",
        "suffix": "autumn",
        "seed": 7,
        "method": {"type": "lora", "lora": {"hyperparameters": {"epochs": 3}}},
        "metadata": {"asked_by": "night run"},
    },
    request_only=True,
)
TOGETHER = OpenApiExample(
    "On two devices of one machine",
    value={"model": "all-MiniLM-L6-v2", "hyperparameters": {"devices": 2}},
    request_only=True,
)
PLAIN = OpenApiExample(
    "Everything left to the data", value={"model": "all-MiniLM-L6-v2"}, request_only=True
)
MADE = _answer("Ordered", WAITING, "201")
LISTED = _answer("Jobs", _list(RUNNING))
FOUND = _answer("Running", RUNNING)
CANCELLED = _answer("Asked to cancel", {**RUNNING, "status": "cancelling"})
PAUSED = _answer("Asked to pause", {**RUNNING, "status": "pausing"})
RESUMED = _answer("Waits again", {**RUNNING, "status": "queued", "estimated_finish": None})
FORESEEN = _answer(
    "An estimate",
    {
        "object": "fine_tuning.estimate",
        "model": "all-MiniLM-L6-v2",
        "enough_events": True,
        **ESTIMATE,
        "run_seconds": 110.6,
    },
)
TOLD = _answer(
    "Events",
    _list(
        {
            "id": "ftevent_0353F1DDbe8PqO7aPuVbLc",
            "object": "fine_tuning.job.event",
            "created_at": 1795253461,
            "level": "info",
            "message": "The job runs, attempt 1.",
            "type": "message",
            "data": {"code": "job.running", "params": {"attempt": 1}},
        },
        more=True,
    ),
)
MEASURED = _answer(
    "Checkpoints",
    _list(
        {
            "id": "ftckpt_2u5XoLRr4pUPYyQXzUoUuD",
            "object": "fine_tuning.job.checkpoint",
            "created_at": 1795253490,
            "fine_tuning_job_id": JOB,
            "fine_tuned_model_checkpoint": None,
            "series": "sequence",
            "step_number": 120,
            "metrics": {"step": 120, "train_loss": 2.71, "valid_ndcg@10": 0.1834},
        }
    ),
)
CURVES = _answer(
    "Curves",
    _list(
        {
            "object": "fine_tuning.job.curve",
            "series": "sequence",
            "metric": "loss",
            "points": [{"step": 0, "value": 5.02}, {"step": 10, "value": 3.9}],
        }
    ),
)
JOB_ID = OpenApiParameter(
    "job_id",
    str,
    OpenApiParameter.PATH,
    description="As `id` in the answer to the order: ftjob_…",
    examples=[OpenApiExample("A job", value=JOB)],
)
BY_METADATA = OpenApiParameter(
    "metadata",
    {"type": "object", "additionalProperties": {"type": "string"}},
    OpenApiParameter.QUERY,
    style="deepObject",
    explode=True,
    description="Only jobs that carry these pairs: `metadata[asked_by]=night run`.",
)
