"""`/`: what comes in, who takes part, who allows what, and what serves."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise

from dashboard import activity
from dashboard.charts import over_time
from dashboard.charts.chart import Chart
from dashboard.progress import progress_of
from dashboard.small_groups import Part, part_of
from dashboard.standing import comparison, serving_one, standings
from dashboard.wording.states import PURPOSES
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.consent.models import ConsentRecord
from tenants.consent.queries import coverage
from tenants.rights.days import today
from tenants.rights.queries import overdue
from training.jobs import life
from training.jobs.models import Job
from training.jobs.queries import Serving, serving


@dataclass(frozen=True)
class Covered:
    """One purpose with the subjects who allow it, as far as these may be shown."""

    purpose: str | Promise
    part: Part


@page(Right.READ_OVERVIEW)
def overview(request: PageRequest) -> HttpResponse:
    """The start page; before the first event it shows the steps that lead there."""
    training = _training()
    if request.htmx:
        return _news(request, training)
    stored = activity.stored()
    now_serving = serving()
    context = {
        "stored": stored,
        "serving": now_serving,
        "steps": _steps(stored, now_serving),
        "training": training,
        "coverage": _coverage(),
        "overdue": _overdue(request),
        **_charts(stored),
        **_sources(now_serving),
    }
    return render(request, "dashboard/overview.html", context)


def _training() -> dict[str, object] | None:
    """The job that is open, with its progress; None when there is none."""
    job = Job.objects.exclude(state__in=life.ENDED).order_by("-id").first()
    return {"job": job, "progress": progress_of(job)} if job else None


def _news(request: PageRequest, training: dict[str, object] | None) -> HttpResponse:
    """The open job's card alone; once the job has ended the whole page has news."""
    if training is None:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "dashboard/_training.html", {"training": training})


def _charts(stored: activity.Stored) -> dict[str, Chart]:
    if stored.last_event_at is None:
        return {}
    days = activity.events_per_day(stored.last_event_at)
    weeks = activity.active_subjects_per_week(stored.last_event_at)
    return {
        "events_chart": over_time.events_per_day(days.starts, days.counts),
        "people_chart": over_time.active_subjects_per_week(weeks.starts, weeks.counts),
    }


def _sources(now_serving: Serving | None) -> dict[str, object]:
    if now_serving is None:
        return {}
    found = standings(now_serving.version.manifest)
    return {"served": serving_one(found), "sources_chart": comparison(found)}


def _overdue(request: PageRequest) -> int:
    """How many requests of persons are overdue, for those who answer them."""
    return overdue(today()).count() if Right.MANAGE_RIGHTS in request.rights else 0


def _coverage() -> list[Covered]:
    return [
        Covered(PURPOSES[each.purpose.value], part_of(each.subjects, each.known))
        for each in coverage()
    ]


def _steps(stored: activity.Stored, now_serving: Serving | None) -> dict[str, bool]:
    """Which of the first steps are done."""
    return {
        "consents": ConsentRecord.objects.exists(),
        "events": stored.events > 0,
        "job": Job.objects.exists(),
        "serves": now_serving is not None,
    }
