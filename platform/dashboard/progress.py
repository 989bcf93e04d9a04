"""The last progress line of a job as a bar, a stage in words and the time that is left. Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from dashboard.templatetags.shown import duration
from dashboard.wording.models import STAGES, said
from training.jobs.models import Job


@dataclass(frozen=True)
class Progress:
    """What `design/progress.html` shows: a fraction of 1, the stage, and a note beside it."""

    fraction: float
    label: str
    note: str


def progress_of(job: Job) -> Progress | None:
    """None for a job that has ended: its state says all."""
    if job.state in Job.ENDED:
        return None
    line = job.progress
    if "fraction" not in line:
        waiting = _("Waiting for its turn") if job.state == Job.QUEUED else _("Freezing the data")
        return Progress(0.0, waiting, "")
    fraction = float(line["fraction"])
    return Progress(fraction, _stage(line), _note(fraction, line.get("eta_seconds")))


def _stage(line: dict[str, object]) -> str:
    name = said(STAGES, str(line.get("stage", "")))
    if "stage_index" not in line:
        return name
    return _("%(index)s of %(count)s: %(stage)s") % {
        "index": line["stage_index"],
        "count": line["stages"],
        "stage": name,
    }


def _note(fraction: float, left: float | None) -> str:
    percent = f"{fraction * 100:.0f} %"
    if left is None:
        return percent
    return _("%(percent)s, about %(time)s left") % {"percent": percent, "time": duration(left)}
