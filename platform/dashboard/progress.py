"""The last progress line of a job as a bar, a stage in words and the time that is left. Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.templatetags.shown import duration
from dashboard.wording.models import STAGES, said
from training.jobs import life
from training.jobs.models import Job

# What a job does that has not told of a step yet.
STANDS = {
    life.VALIDATING: gettext_lazy("Looking at the data"),
    life.QUEUED: gettext_lazy("Waiting for its turn"),
    life.RUNNING: gettext_lazy("Freezing the data"),
    life.PAUSING: gettext_lazy("Pausing"),
    life.PAUSED: gettext_lazy("Paused"),
    life.CANCELLING: gettext_lazy("Being cancelled"),
}


@dataclass(frozen=True)
class Progress:
    """What `design/progress.html` shows: a fraction of 1, the stage, and a note beside it."""

    fraction: float
    label: str
    note: str


def progress_of(job: Job) -> Progress | None:
    """None for a job that has ended: its state says all."""
    if job.state in life.ENDED:
        return None
    line = job.progress
    if "fraction" not in line:
        return Progress(0.0, str(STANDS[job.state]), "")
    fraction = float(line["fraction"])
    left = None if job.state == life.PAUSED else line.get("eta_seconds")
    return Progress(fraction, _stage(line), _note(fraction, left))


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
