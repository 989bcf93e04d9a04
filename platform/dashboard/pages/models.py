"""`/models/`: what serves, the jobs, the versions, and what a member may do with them."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from dashboard.forms import RefusableForm
from dashboard.gates import version_badge
from dashboard.pages.retraining import rule_form
from dashboard.paging import page_of
from dashboard.progress import progress_of
from dashboard.standing import NDCG, serving_one, standings
from dashboard.wording.models import SOURCES, TRIGGERS, said
from dashboard.wording.states import JOBS
from dashboard.wording.taints import Notice, taint_notice
from recommend.bundles import BUNDLES
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from training.engine.params import PARAMS
from training.jobs import budget, life
from training.jobs.control import DEFAULT_BASE, METHODS
from training.jobs.declaring import declared
from training.jobs.devices import widest
from training.jobs.models import Job, StandingApproval, Version
from training.jobs.queries import Serving, serving
from training.jobs.taints import is_refused

JOBS_SHOWN = 5
VERSIONS_SHOWN = 10
METHOD_NAMES = {
    "lora": _("LoRA: small added weights in the top layers"),
    "dora": _("DoRA: as LoRA, with the size of each weight column learnt apart"),
    "full": _("Full: all weights of the top layers"),
}


class JobForm(RefusableForm):
    """What a new job needs; everything else is decided by the data."""

    name = forms.CharField(label=_("Name"), required=False, max_length=100)
    base_model = forms.CharField(
        label=_("Base model"),
        initial=DEFAULT_BASE,
        help_text=_("One that this installation allows. The one given reads English."),
    )
    method = forms.ChoiceField(
        label=_("Method"), choices=[(name, METHOD_NAMES.get(name, name)) for name in METHODS]
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        initial=0,
        min_value=0,
        max_value=2**31 - 1,
        help_text=_("The same data and seed give the same model on a CPU."),
    )
    devices = forms.IntegerField(
        label=_("Devices"),
        required=False,
        initial=1,
        min_value=1,
        max_value=int(PARAMS["devices"].high),
        help_text=_("Of one machine, that train together. Device-seconds count each of them."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if widest() == 1:  # there is nothing to choose
            del self.fields["devices"]

    def order(self) -> dict[str, Any]:
        """What `create_job` takes."""
        order = dict(self.cleaned_data)
        wanted = order.pop("devices", None) or 1
        return order if wanted == 1 else {**order, "params": {"devices": wanted}}


class ApprovalForm(RefusableForm):
    """Whether versions that pass every check may publish without a person, and why."""

    reason = forms.CharField(label=_("Why"), max_length=300)


@page(Right.READ_MODELS)
def models(request: PageRequest) -> HttpResponse:
    """The page, or only the list of jobs when htmx asks for news."""
    if request.htmx:
        return render(request, "dashboard/_jobs.html", _jobs(request))
    return render(request, "dashboard/models.html", whole(request))


def whole(request: PageRequest, job_form: JobForm | None = None) -> dict[str, Any]:
    """The page's context; `job_form` is one that came back with faults."""
    now_serving = serving()
    pages = page_of(request, Version.objects.order_by("-number"), VERSIONS_SHOWN)
    approval = StandingApproval.objects.first()
    return {
        **_jobs(request),
        "pages": pages,
        "versions": [_version_row(version, now_serving) for version in pages.rows],
        "serving": now_serving,
        "unreadable": now_serving is not None and is_unreadable(now_serving.version),
        "tainted": now_serving and notice_of(now_serving.version, serves=True),
        "served_source": said(SOURCES, now_serving.version.serves) if now_serving else "",
        "approval": approval,
        "full": budget.waiting() >= request.tenant.limits.jobs_queued,
        "may_manage": Right.MANAGE_MODELS in request.rights,
        "job_form": job_form or JobForm(),
        "rule_form": rule_form(),
        "declared": declared(),
        "approval_form": ApprovalForm(auto_id="approval_%s"),
    }


def is_unreadable(version: Version) -> bool:
    """Whether what serves cannot be read, so that requests get the popular list."""
    return not is_refused(version) and not BUNDLES.can_read(
        version.tenant_id, bytes(version.manifest_sha256)
    )


def notice_of(version: Version, *, serves: bool) -> Notice | None:
    """What is to be said of a version that has to go."""
    approved = StandingApproval.objects.filter(enabled=True).exists()
    return taint_notice(version, serves=serves, by_itself=approved)


def _jobs(request: PageRequest) -> dict[str, Any]:
    jobs = list(Job.objects.order_by("-id")[:JOBS_SHOWN])
    return {
        "jobs": [
            (job, JOBS[job.state], progress_of(job), said(TRIGGERS, job.trigger)) for job in jobs
        ],
        "live": any(job.state not in life.ENDED for job in jobs),
    }


def _version_row(version: Version, now_serving: Serving | None) -> dict[str, Any]:
    served = serving_one(standings(version.manifest))
    serves = now_serving is not None and now_serving.version.pk == version.pk
    return {
        "version": version,
        "badge": version_badge(version, serves=serves),
        "serves": serves,
        "source": served.name if served else "",
        "validation": served.validation.get(NDCG) if served else None,
        "test": served.test.get(NDCG) if served else None,
        "recall": served.test.get("recall@10") if served else None,
    }
