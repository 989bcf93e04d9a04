"""`/rights/…/`: one request with its days, its steps, and what comes next."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from dashboard.forms import RefusableForm
from dashboard.pages.rights import EvidenceForm, line_of
from dashboard.wording.errors import refusal_of
from dashboard.wording.models import said
from dashboard.wording.rights import (
    ENDS,
    EVIDENCE,
    EXPORTS,
    EXTENSIONS,
    LAWS,
    REFUSALS,
    STEPS,
)
from dashboard.wording.states import PURPOSES
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.departure.zip_reply import zip_reply
from tenants.errors import AppError, NotFound
from tenants.ids import parse_id, public_id
from tenants.rights import exports, kinds, services
from tenants.rights.days import today
from tenants.rights.laws import LAWS as TERMS
from tenants.rights.models import RightsRequest, SubjectExport
from tenants.rights.queries import found
from tenants.subjects.directory import external_id_of
from tenants.subjects.viewing import note_subject_viewed

ANSWER = forms.Textarea(attrs={"rows": 3})


class AnswerForm(RefusableForm):
    """What the person is told."""

    answer = forms.CharField(
        label=gettext_lazy("What you tell the person"), max_length=4000, widget=ANSWER
    )


class ExtendForm(AnswerForm):
    """Why it takes longer."""

    prefix = "extend"
    code = forms.ChoiceField(label=gettext_lazy("Reason"), choices=list(EXTENSIONS.items()))


class RefuseForm(AnswerForm):
    """Why it is not done."""

    prefix = "refuse"
    code = forms.ChoiceField(label=gettext_lazy("Reason"), choices=list(REFUSALS.items()))


class VerifyForm(EvidenceForm):
    """What was shown, where it was not named before."""

    prefix = "verify"


class CompleteForm(AnswerForm):
    """What was done, for the person."""

    prefix = "complete"
    answer = forms.CharField(
        label=gettext_lazy("What you tell the person"),
        max_length=4000,
        required=False,
        widget=ANSWER,
    )


def _verify(form: Any, **named: Any) -> None:
    services.verify_identity(evidence=form.read(), **named)


def _with_reason(act: Callable[..., Any]) -> Callable[..., None]:
    return lambda form, **named: act(**form.cleaned_data, **named)


def _bare(act: Callable[..., Any]) -> Callable[..., None]:
    return lambda form, **named: act(**named)


# What may be asked of a request -> the form that it takes, and what it does.
ACTS: dict[str, tuple[type[RefusableForm], Callable[..., None]]] = {
    "acknowledge": (RefusableForm, _bare(services.acknowledge)),
    "verify": (VerifyForm, _verify),
    "extend": (ExtendForm, _with_reason(services.extend)),
    "refuse": (RefuseForm, _with_reason(services.refuse)),
    "complete": (CompleteForm, _with_reason(services.complete)),
    "export": (RefusableForm, _bare(exports.make_export)),
}


@require_GET
@page(Right.MANAGE_RIGHTS)
def rights_request(request: PageRequest, request_id: str) -> HttpResponse:
    """The page, or only its export when htmx asks for news. A look at the person is recorded."""
    one = found(parse_id("rights request", request_id))
    if request.htmx:
        return render(request, "dashboard/_subject_export.html", {"row": one, **_export(one)})
    note_subject_viewed(subject_id=one.subject_id, page="rights", actor=request.actor)
    return _whole(request, one, {})


@require_POST
@page(Right.MANAGE_RIGHTS)
def act_on_request(request: PageRequest, request_id: str) -> HttpResponse:
    """Take one step; a refusal comes back where it was asked for."""
    named = {"request_id": parse_id("rights request", request_id), "actor": request.actor}
    one = found(named["request_id"])  # type: ignore[arg-type]
    act = request.POST.get("act", "")
    if act not in ACTS:
        raise NotFound("step")
    form_class, take = ACTS[act]
    form = form_class(request.POST)
    if form.is_valid():
        try:
            take(form, **named)
        except AppError as error:
            if error.param in form.fields:
                form.refuse(error)
            else:
                messages.error(request, refusal_of(error))
                return redirect("dashboard:rights_request", request_id)
        else:
            messages.success(request, _("Done."))
            return redirect("dashboard:rights_request", request_id)
    return _whole(request, one, {act: form}, status=422)


@require_GET
@cache_control(no_store=True)
@page(Right.MANAGE_RIGHTS)
def download_rights_export(request: PageRequest, request_id: str) -> StreamingHttpResponse:
    """The zip, opened piece by piece as it is sent."""
    pk = parse_id("rights request", request_id)
    return zip_reply(*exports.download_export(request_id=pk, actor=request.actor))


def _whole(
    request: PageRequest, one: RightsRequest, bound: dict[str, RefusableForm], status: int = 200
) -> HttpResponse:
    context = {
        "row": one,
        "erasure_id": public_id("erasure", one.erasure_id) if one.erasure_id else "",
        "line": line_of(one, today()),
        "user_id": _user_id(one),
        "law": said(LAWS, one.law),
        "source": TERMS[one.law].source,
        "evidence": said(EVIDENCE, one.evidence_kind) if one.evidence_kind else "",
        "refusal": said(ENDS, one.refusal_code) if one.refusal_code else "",
        "purposes": [PURPOSES[name] for name in one.purposes],
        "steps": [(step, said(STEPS, step.code)) for step in one.steps.order_by("id")],
        "may": _may(one),
        "forms": {name: bound.get(name) or form() for name, (form, _take) in ACTS.items()},
        **_export(one),
    }
    return render(request, "dashboard/rights_request.html", context, status=status)


def _user_id(one: RightsRequest) -> str:
    """The tenant's own id of the person; "" once they are erased."""
    try:
        return external_id_of(one.subject)
    except NotFound:
        return ""


def _may(one: RightsRequest) -> dict[str, bool]:
    """Which steps the page offers now."""
    begun = one.state == kinds.IN_PROGRESS
    free = one.is_open and one.erasure_id is None
    return {
        "acknowledge": one.is_open and one.acknowledged_at is None,
        "verify": one.state in (kinds.RECEIVED, kinds.IDENTITY_NEEDED),
        "extend": free and not one.extended_at and TERMS[one.law].extension is not None,
        "refuse": free,
        "complete": begun and free,
    }


def _export(one: RightsRequest) -> dict[str, Any]:
    """The newest export with its badge; whether the page should ask again soon."""
    export = one.exports.order_by("-id").first()
    return {
        "exports": kinds.KINDS[one.kind].exports,
        "export": export,
        "export_badge": EXPORTS[export.state] if export else None,
        "live": export is not None and export.state in SubjectExport.OPEN,
        "again": one.state == kinds.IN_PROGRESS
        and export is not None
        and export.state not in SubjectExport.OPEN,
    }
