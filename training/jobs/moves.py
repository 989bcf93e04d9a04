"""Moves of a job: its state, what goes with it, the event that tells of it, and what was asked."""

from typing import Any

from training.jobs import life
from training.jobs.models import Job, JobEvent

# What is no good news; everything else is told as information.
LEVELS = {life.FAILED: "error", life.CANCELLED: "warn"}


def move(job: Job, to: str, params: dict[str, Any] | None = None, **values: Any) -> None:
    """Bring a locked job into state `to` together with other fields, and tell it as an event.

    ValueError when the table of its life has no such move.
    """
    if to not in life.MOVES[job.state]:
        raise ValueError(f"a job that is {job.state} does not become {to}")
    for name, value in {"state": to, **values}.items():
        setattr(job, name, value)
    job.save(update_fields=["state", *values])
    tell(job, f"job.{to}", LEVELS.get(to, "info"), params)


def tell(job: Job, code: str, level: str = "info", params: dict[str, Any] | None = None) -> None:
    """Add an event to a job's record."""
    JobEvent.objects.create(job=job, level=level, code=code, params=params or {})


class CancelAsked(Exception):
    """Somebody asked the job to cancel."""


class PauseAsked(Exception):
    """Somebody asked the job to pause."""


# What a run that is under way was asked for, by the state that says so.
ASKED: dict[str, type[Exception]] = {life.CANCELLING: CancelAsked, life.PAUSING: PauseAsked}
