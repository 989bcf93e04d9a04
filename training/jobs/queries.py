"""Reading jobs and versions for pages: what runs, what serves, how every source did."""

from dataclasses import dataclass
from typing import Any

from training.jobs.models import Job, JobMetric, Publication, Version


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


def curves(job: Job) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """(series, metric) -> points (step, value) in order of steps."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    rows = JobMetric.objects.filter(job=job).order_by("step")
    for series, name, step, value in rows.values_list("series", "name", "step", "value"):
        found.setdefault((series, name), []).append((step, value))
    return found


def sources(version: Version) -> list[dict[str, Any]]:
    """The manifest's sources, best on validation first; sources without figures last."""

    def figure(source: dict[str, Any]) -> float:
        return float(((source.get("metrics") or {}).get("validation") or {}).get("ndcg@10", -1.0))

    return sorted(version.manifest.get("sources", []), key=figure, reverse=True)
