"""How long a job will hold its devices: from the tenant's own last jobs, else from what was
measured on two CPU cores (README). An estimate, corrected by the engine as soon as it runs.

A first job on several devices is expected to take as long as on one: what they gain depends on the
data, and its own history tells it the next time.
"""

from typing import Any

from training.jobs import life
from training.jobs.models import Job

# Seconds to load a base model and write a bundle; seconds per event and per item of a first job.
START, PER_EVENT, PER_ITEM = 15.0, 0.0004, 0.02
REMEMBERED = 5


def estimate(counts: dict[str, int], job: Job) -> dict[str, Any]:
    """device_seconds of all its devices, and what they rest on: "history" (jobs with the same
    method and parameters) or "usual"."""
    usual = _usual(counts) * job.devices
    factors = [
        past.device_seconds / (_usual(past.estimate) * past.devices)
        for past in _past(job)
        if past.estimate.get("events") and past.device_seconds
    ]
    if not factors:
        return {"device_seconds": round(usual, 1), "from": "usual"}
    middle = sorted(factors)[len(factors) // 2]
    return {"device_seconds": round(usual * middle, 1), "from": "history"}


def _past(job: Job) -> list[Job]:
    same = Job.objects.filter(
        state=life.SUCCEEDED, method=job.method, base_model=job.base_model, params=job.params
    )
    return list(same.exclude(pk=job.pk).order_by("-created_at")[:REMEMBERED])


def _usual(counts: dict[str, Any]) -> float:
    events, items = int(counts.get("events", 0)), int(counts.get("items", 0))
    return START + PER_EVENT * events + PER_ITEM * items
