"""`/models/versions/<id>/`: every source beside the others, the lineage, approve and publish."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dashboard.charts.reliability import reliability
from dashboard.forms import RefusableForm
from dashboard.gates import gate_lines, version_badge
from dashboard.pages.models import ApprovalForm, is_unreadable, notice_of
from dashboard.standing import FIGURES, best_single, comparison, serving_one, standings
from dashboard.wording.models import LANGUAGE_NOTES, said
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.errors import AppError, NotFound
from tenants.ids import parse_id
from training.jobs import finishing
from training.jobs.gates import FAIL, UNPROVED, verdicts
from training.jobs.models import Version, VersionOverride
from training.jobs.queries import serving
from training.jobs.services import (
    approve_version,
    publish_version,
    roll_back,
    set_standing_approval,
)
from training.jobs.taints import fault_of


class ReasonForm(RefusableForm):
    """Why a version is approved; it goes into the record."""

    reason = forms.CharField(label=gettext_lazy("Why"), max_length=300)


@page(Right.READ_MODELS)
def version(request: PageRequest, version_id: str) -> HttpResponse:
    """The version with its figures and its lineage."""
    rows = Version.objects.select_related("job", "snapshot", "parent")
    found = rows.filter(pk=parse_id("version", version_id)).first()
    if found is None:
        raise NotFound("version")
    return render(request, "dashboard/version.html", _context(request, found))


@require_POST
@page(Right.MANAGE_MODELS)
def approve(request: PageRequest, version_id: str) -> HttpResponse:
    """Approve a version by name and with a reason."""
    found = approve_version(
        version_id=parse_id("version", version_id),
        actor=request.actor,
        reason=reason_in(ReasonForm(request.POST)),
    )
    messages.success(request, _("Version %(number)s is approved.") % {"number": found.number})
    return redirect("dashboard:version", version_id)


@require_POST
@page(Right.MANAGE_MODELS)
def publish(request: PageRequest, version_id: str) -> HttpResponse:
    """Let an approved version answer from the next request on."""
    row = publish_version(version_id=parse_id("version", version_id), actor=request.actor)
    messages.success(request, _("Version %(number)s serves now.") % {"number": row.version.number})
    return redirect("dashboard:version", version_id)


@require_POST
@page(Right.MANAGE_MODELS)
def roll_back_now(request: PageRequest) -> HttpResponse:
    """Serve again what served before."""
    row = roll_back(actor=request.actor)
    messages.success(
        request, _("Rolled back: version %(number)s serves again.") % {"number": row.version.number}
    )
    return redirect("dashboard:models")


@require_POST
@page(Right.MANAGE_MODELS)
def change_approval(request: PageRequest) -> HttpResponse:
    """Switch the standing approval on or off, with a reason."""
    enabled = request.POST.get("enabled") == "yes"
    set_standing_approval(
        enabled=enabled, reason=reason_in(ApprovalForm(request.POST)), actor=request.actor
    )
    said_so = _("The standing approval is on.") if enabled else _("The standing approval is off.")
    messages.success(request, said_so)
    return redirect("dashboard:models")


def reason_in(form: forms.Form) -> str:
    """The reason in a posted form; AppError reason_missing."""
    if not form.is_valid():
        raise AppError("reason_missing", "Say why, for the record.", param="reason")
    return str(form.cleaned_data["reason"])


def _context(request: PageRequest, found: Version) -> dict[str, Any]:
    manifest = found.manifest
    probable = manifest.get("probability") or {}
    if "quiet" not in probable:  # of an earlier release, which counted those alone who came
        probable = None
    rows = standings(manifest)
    now_serving = serving()
    serves = now_serving is not None and now_serving.version.pk == found.pk
    served, single = serving_one(rows), best_single(rows, manifest)
    judged = verdicts(found)
    outcomes = {line["outcome"] for line in judged}
    manages = Right.MANAGE_MODELS in request.rights
    may_serve = manages and not fault_of(found)
    waits = may_serve and found.state == Version.EVALUATED
    return {
        "version": found,
        "manifest": manifest,
        "badge": version_badge(found, serves=serves),
        "serves": serves,
        "tainted": notice_of(found, serves=serves),
        "unreadable": serves and is_unreadable(found),
        "standings": rows,
        "figures": list(FIGURES.values()),
        "served": served,
        "best_single": single if single and single is not served else None,
        "chart": comparison(rows),
        "probable": probable,
        "reliability": reliability(probable["curve"]) if probable else None,
        "windows": manifest.get("split", {}).get("windows", []),
        "gates": gate_lines(judged),
        "unproved": UNPROVED in outcomes,
        "override": VersionOverride.objects.filter(version=found).first(),
        "may_override": waits and FAIL in outcomes,
        "own_ref": request.actor.ref,
        "note": said(LANGUAGE_NOTES, manifest.get("language_note") or "no_text"),
        "may_approve": waits and FAIL not in outcomes,
        "may_publish": may_serve and found.state == Version.APPROVED and not serves,
        "by_standing": found.approved_by == finishing.ACTOR.ref,
        "reason_form": ReasonForm(),
        "replaced_number": now_serving.version.number if now_serving and not serves else None,
    }
