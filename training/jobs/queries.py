"""Reading jobs and versions for pages: what runs, what serves, how every source did."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid5

from tenants.ids import public_id
from training.jobs.models import Job, JobMetric, Publication, Version
from training.jobs.taints import is_refused


@dataclass(frozen=True)
class Serving:
    """The version that answers now and the one it replaced."""

    version: Version
    previous: Version | None
    publication: Publication


def serving(task: str = "recommendation") -> Serving | None:
    """What serves `task` now, or None."""
    row = Publication.objects.select_related("version", "previous").filter(task=task).first()
    return Serving(row.version, row.previous, row) if row else None


def champion_of(task: str) -> Version | None:
    """The version that a new one is judged against: what serves `task` and may go on."""
    now = serving(task)
    return None if now is None or is_refused(now.version) else now.version


def curves(job: Job) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """(series, metric) -> points (step, value) in order of steps."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    rows = JobMetric.objects.filter(job=job).order_by("step")
    for series, name, step, value in rows.values_list("series", "name", "step", "value"):
        found.setdefault((series, name), []).append((step, value))
    return found


@dataclass(frozen=True)
class Checkpoint:
    """A step of a run at which it was measured on what it does not learn from."""

    public_id: str
    series: str
    step: int
    at: datetime
    valid_ndcg10: float
    # Of the last step before it whose loss was kept.
    train_loss: float | None


def checkpoints(job: Job) -> list[Checkpoint]:
    """The measured steps of a job, newest first."""
    found = curves(job)
    rows = JobMetric.objects.filter(job=job, name="valid_ndcg@10").order_by("-id")
    return [
        Checkpoint(
            public_id("checkpoint", uuid5(job.id, f"{row.series} {row.step}")),
            row.series,
            row.step,
            row.at,
            row.value,
            _until(found.get((row.series, "loss"), []), row.step),
        )
        for row in rows
    ]


def _until(points: list[tuple[int, float]], step: int) -> float | None:
    """The value of the last point at or before the step."""
    place = bisect_right([at for at, _value in points], step)
    return points[place - 1][1] if place else None


def sources(version: Version) -> list[dict[str, Any]]:
    """The manifest's sources, best on validation first; sources without figures last."""

    def figure(source: dict[str, Any]) -> float:
        return float(((source.get("metrics") or {}).get("validation") or {}).get("ndcg@10", -1.0))

    return sorted(version.manifest.get("sources", []), key=figure, reverse=True)
