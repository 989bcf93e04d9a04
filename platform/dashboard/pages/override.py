"""Two members approve a version in spite of a failed check: one asks, another agrees."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.pages.version import ReasonForm, reason_in
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.ids import parse_id
from training.jobs.overriding import confirm_override, request_override


@require_POST
@page(Right.MANAGE_MODELS)
def ask_override(request: PageRequest, version_id: str) -> HttpResponse:
    """Ask for the approval, with a reason."""
    request_override(
        version_id=parse_id("version", version_id),
        actor=request.actor,
        reason=reason_in(ReasonForm(request.POST)),
    )
    messages.success(request, _("Asked for. Another member must agree."))
    return redirect("dashboard:version", version_id)


@require_POST
@page(Right.MANAGE_MODELS)
def agree(request: PageRequest, version_id: str) -> HttpResponse:
    """Agree with what another member asked for."""
    found = confirm_override(version_id=parse_id("version", version_id), actor=request.actor)
    messages.success(request, _("Version %(number)s is approved.") % {"number": found.number})
    return redirect("dashboard:version", version_id)
