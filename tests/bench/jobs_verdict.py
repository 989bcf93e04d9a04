"""The figures of `make prove-jobs`, from what the database and the files say in the end."""

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tenants.audit.verify import verify_chain
from tenants.behaviour.models import Item
from tests.bench.jobs_steps import attempts_in, repeated, resumed
from tests.business import Business
from training.engine.tensors import open_tensors
from training.jobs import artifacts, life
from training.jobs.beginning import folder_of
from training.jobs.models import Job, JobEvent, Version

Jobs = Sequence[tuple[Business, Job]]


def verdict(
    jobs: Jobs, asked: int, cancels: Sequence[float], seconds: Mapping[str, float]
) -> dict[str, Any]:
    """asked: how many jobs were to be run; cancels and seconds: see the driver's `Run`.

    cancel_p95_s is of jobs whose engine ran. fairness_spread is the largest less the smallest of
    `fairness_seconds`, over their mean: device-seconds of tenants of equal weight until the last
    moment at which each had a job waiting, which no order can make more equal than a job is long
    (`longest_job_s`, repetitions included).
    """
    lost = [job for _, job in jobs if job.state not in (life.SUCCEEDED, life.CANCELLED)]
    interval = float(os.environ["ATTUNE_SAVE_EVERY"])
    attempts = [attempts_in(folder_of(job.tenant_id, job.id) / "progress.jsonl") for _, job in jobs]
    gone_back = [line for each in attempts for line in repeated(each, interval)]
    tenants = {business.tenant.id: business for business, _ in jobs}.values()
    return {
        "jobs": len(jobs),
        "lost": len(lost) + asked - len(jobs),
        "run_twice": sum(ran_twice(*each) for each in jobs),
        "wrong_tenant": sum(foreign_versions(*each) for each in jobs),
        "repeated_steps_over_one_interval": len(gone_back),
        "gone_back": gone_back,
        "checkpoint_interval_s": interval,
        "resumed": sum(map(resumed, attempts)),
        "cancel_p95_s": highest(cancels),
        "fairness_spread": spread(list(seconds.values())),
        "fairness_seconds": {name: round(value, 1) for name, value in seconds.items()},
        "longest_job_s": round(max((job.device_seconds for _, job in jobs), default=0.0), 1),
        "audit_verifies": all(verified(business) for business in tenants),
        "cancelled": len(cancels),
        "attempts": sum(job.attempts for _, job in jobs),
    }


def ran_twice(business: Business, job: Job) -> bool:
    with business.scope:
        ends = JobEvent.objects.filter(job=job, code="job.succeeded").count()
        return ends > 1 or Version.objects.filter(job=job).count() > 1


def foreign_versions(business: Business, job: Job) -> int:
    """How many versions of the job know items that are not its tenant's."""
    with business.scope:
        digests = [bytes(each.manifest_sha256) for each in Version.objects.filter(job=job)]
        own = set(Item.objects.values_list("id", flat=True))
    paths = [artifacts.path_of(business.tenant.id, digest) for digest in digests]
    items = [open_tensors(path / "catalogue.safetensors")["items"].tolist() for path in paths]
    return sum(not set(each) <= own for each in items)


def highest(values: Sequence[float]) -> float | None:
    """The 95th percentile, by rank."""
    return round(sorted(values)[math.ceil(len(values) * 0.95) - 1], 2) if values else None


def spread(seconds: Sequence[float]) -> float | None:
    """Largest less smallest, over the mean; None where somebody was not served at all."""
    if not seconds or min(seconds) == 0.0:
        return None
    return round((max(seconds) - min(seconds)) / (sum(seconds) / len(seconds)), 3)


def verified(business: Business) -> bool:
    with business.scope:
        return verify_chain().ok
