"""What a plan leaves room for: places in the line, and device-seconds that open jobs reserve.

A reservation is what remains of the estimate while the job is open; with its end it is gone, for
what the job used stands in the meter by then.
"""

from tenants.accounts.life import locked_tenant
from tenants.errors import Conflict
from training.jobs import life
from training.jobs.models import Job


def left_of(job: Job) -> float:
    """Device-seconds that the job is expected to need yet, every device counted; 0 before it was
    estimated or beyond."""
    return max(0.0, float(job.estimate.get("device_seconds", 0.0)) - job.device_seconds)


def expected_of(job: Job) -> float:
    """Seconds that the job will hold its devices yet: as the engine tells, once it has got far
    enough to know."""
    told = job.progress.get("eta_seconds")
    return left_of(job) / job.devices if told is None else float(told)


def reserved() -> float:
    """Device-seconds that the open jobs of the tenant in scope are expected to need yet."""
    open_jobs = Job.objects.exclude(state__in=life.ENDED).only("estimate", "device_seconds")
    return sum(map(left_of, open_jobs))


def waiting() -> int:
    """How many jobs of the tenant in scope wait for their turn or are paused."""
    return Job.objects.filter(state__in=life.WAITING).count()


def check_place() -> None:
    """Conflict (`jobs_queued`) when as many jobs wait as the plan of the tenant in scope allows.

    Locks the tenant, so that two who ask at once do not both get the last place.
    """
    most = locked_tenant().limits.jobs_queued
    if waiting() < most:
        return
    raise Conflict(
        "jobs_queued",
        f"{most} of your jobs wait already, as many as your plan allows. Wait until one of them "
        "runs, or cancel one.",
        params={"most": most},
    )
