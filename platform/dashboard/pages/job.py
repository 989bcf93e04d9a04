"""`/models/jobs/<id>/`: one fine-tuning run, live: stage, curves, record of events."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from dashboard.charts.chart import Chart
from dashboard.charts.curves import Series, curves
from dashboard.pages.models import JobForm, whole
from dashboard.progress import progress_of
from dashboard.wording.errors import error_text
from dashboard.wording.models import (
    JOB_EVENTS,
    MEASURES,
    SERIES,
    SOURCE_COLOURS,
    SOURCES,
    STAGES,
    TRIGGERS,
    said,
)
from dashboard.wording.states import JOBS
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.errors import AppError, NotFound
from tenants.ids import parse_id
from training.jobs import boards, life, queries
from training.jobs.control import cancel_job, create_job, pause_job, resume_job
from training.jobs.models import Job, JobEvent, Version

Found = dict[tuple[str, str], list[tuple[int, float]]]


@page(Right.READ_MODELS)
def job(request: PageRequest, job_id: str) -> HttpResponse:
    """The page, or its live part when htmx asks for news."""
    rows = Job.objects.select_related("snapshot")
    found = rows.filter(pk=parse_id("job", job_id)).first()
    if found is None:
        raise NotFound("job")
    if not request.htmx:
        return render(request, "dashboard/job.html", _context(request, found))
    if request.GET.get("state") != found.state:  # what may be asked of it stands outside the part
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "dashboard/_job.html", _context(request, found))


@require_POST
@page(Right.MANAGE_MODELS)
def start_job(request: PageRequest) -> HttpResponse:
    """Queue a job and go to its page; a fault comes back beside its field."""
    form = JobForm(request.POST)
    if form.is_valid():
        try:
            made = create_job(actor=request.actor, **form.order())
        except AppError as error:
            form.refuse(error)
        else:
            return redirect("dashboard:job", made.public_id)
    return render(request, "dashboard/models.html", whole(request, form), status=422)


# What a person may ask of a job -> the service, and what is said once it is done.
ASK: dict[str, tuple[Callable[..., Job], str | Promise]] = {
    "pause": (pause_job, _("The job pauses; what it has reached is kept.")),
    "resume": (resume_job, _("The job goes on as soon as it is its turn.")),
    "cancel": (cancel_job, _("The job is cancelled.")),
}


@require_POST
@page(Right.MANAGE_MODELS)
def ask(request: PageRequest, job_id: str) -> HttpResponse:
    """Pause, resume or cancel a job."""
    service, words = ASK.get(request.POST.get("ask", ""), (None, ""))
    if service is None:
        known = ", ".join(ASK)
        raise AppError("invalid_value", f"Ask for one of {known}.", param="ask")
    service(job_id=parse_id("job", job_id), actor=request.actor)
    messages.success(request, str(words))
    return redirect("dashboard:job", job_id)


@require_GET
@page(Right.READ_MODELS)
def board(request: PageRequest, job_id: str) -> StreamingHttpResponse:
    """The job's TensorBoard files as a zip."""
    found = Job.objects.filter(pk=parse_id("job", job_id)).first()
    if found is None:
        raise NotFound("job")
    reply = StreamingHttpResponse(boards.download(found), content_type="application/zip")
    reply["Content-Disposition"] = f'attachment; filename="{found.public_id}-tensorboard.zip"'
    return reply


def _context(request: PageRequest, job: Job) -> dict[str, Any]:
    manages = Right.MANAGE_MODELS in request.rights
    events = JobEvent.objects.filter(job=job).order_by("id")
    return {
        "job": job,
        "badge": JOBS[job.state],
        "trigger": said(TRIGGERS, job.trigger),
        "progress": progress_of(job),
        "live": job.state not in life.ENDED,
        "rests": job.state == life.PAUSED,
        "may": {asked: manages and life.allowed(asked, job.state) for asked in ASK},
        "charts": charts(queries.curves(job)),
        "events": [(each, said(JOB_EVENTS, each.code, _worded(each.params))) for each in events],
        "version": Version.objects.filter(job=job).first(),
        "error": _error(job.error) if job.state == life.FAILED else "",
        "held": _error(job.error) if job.state == life.PAUSED else "",
        "has_board": bool(boards.files_of(job)),
        "excluded": sum(job.snapshot.excluded.values()) if job.snapshot else 0,
        "took": job.finished_at - job.started_at if job.finished_at and job.started_at else None,
    }


def _worded(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of an event or error, with the stage in words."""
    return {**params, "stage": said(STAGES, params["stage"])} if params.get("stage") else params


def _error(error: dict[str, Any]) -> str:
    if not error:
        return ""
    params = _worded(error.get("params", {}))
    return error_text(error["code"], params, str(params.get("message", "")))


def charts(found: Found) -> list[tuple[str, Chart]]:
    """Headings and charts. Each source's loss by itself, for losses of different sources do not
    compare; every other measure in one chart with a line per source."""
    drawn = []
    for (series, name), points in sorted(found.items()):
        if name == "loss":
            heading = f"{said(MEASURES, name)}: {_line(series, points).name}"
            drawn.append((heading, _curves([_line(series, points)], f"loss-{series}", name)))
    for measure in sorted({name for _series, name in found} - {"loss"}):
        lines = [_line(s, points) for (s, name), points in sorted(found.items()) if name == measure]
        drawn.append((said(MEASURES, measure), _curves(lines, measure, measure)))
    return drawn


def _line(series: str, points: list[tuple[int, float]]) -> Series:
    source = SERIES.get(series, series)
    return Series(said(SOURCES, source), points, SOURCE_COLOURS.get(source, 1))


def _curves(lines: list[Series], name: str, measure: str) -> Chart:
    plain = "".join(each if each.isalnum() else "-" for each in name)
    heading = said(MEASURES, measure)
    return curves(f"curve-{plain}", lines, measure=heading, from_zero=measure != "loss")
