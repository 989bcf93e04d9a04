"""What open jobs will probably use yet: reserved of the month's device-seconds, nothing stored.

A reservation is what remains of the estimate while the job is open; with its end it is gone, for
what the job used stands in the meter by then.
"""

from training.jobs import life
from training.jobs.models import Job


def left_of(job: Job) -> float:
    """Device-seconds that the job is expected to need yet; 0 before it was estimated or beyond."""
    return max(0.0, float(job.estimate.get("device_seconds", 0.0)) - job.device_seconds)


def reserved() -> float:
    """Device-seconds that the open jobs of the tenant in scope are expected to need yet."""
    open_jobs = Job.objects.exclude(state__in=life.ENDED).only("estimate", "device_seconds")
    return sum(map(left_of, open_jobs))
