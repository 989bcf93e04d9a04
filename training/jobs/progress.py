"""The engine's progress file, read as it grows, and its lines stored with the job."""

import json
from pathlib import Path
from typing import Any

from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.queue import Lease
from training.jobs.models import Job, JobEvent, JobMetric

Line = dict[str, Any]


class ProgressReader:
    """Whole new lines of a growing file since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # An earlier attempt's lines are stored already; metrics are stored once by their key.
        self._offset = 0

    def read(self) -> list[Line]:
        """The lines that were completed since; [] when there is no file yet."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [line for raw in whole.splitlines() if (line := _parse(raw))]


def _parse(raw: bytes) -> Line | None:
    """One line; None for what a killed engine left half written."""
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def store_lines(lease: Lease, lines: list[Line]) -> None:
    """The newest progress into the job's row, every metric as a point of its curve, and every
    event into the record, once however often its line is read."""
    if not lines:
        return
    points = [line for line in lines if "metric" in line]
    events = [line for line in lines if "event" in line]
    latest = next((line for line in reversed(lines) if "fraction" in line), None)
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        if latest:
            Job.objects.filter(pk=lease.object_id).update(progress=latest)
        for line in events:
            JobEvent.objects.get_or_create(
                job_id=lease.object_id,
                code=str(line["event"]),
                params=line.get("params", {}),
                defaults={"level": "warn"},
            )
        JobMetric.objects.bulk_create(
            [
                JobMetric(
                    job_id=lease.object_id,
                    series=str(point.get("series", "")),
                    name=str(point["metric"]),
                    step=int(point.get("step", 0)),
                    value=float(point["value"]),
                )
                for point in points
            ],
            ignore_conflicts=True,
        )
