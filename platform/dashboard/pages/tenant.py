"""`/tenant/…`: which of their tenants a person looks at, and the test mode beside a live one."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenants.access.pages import PageRequest, choose_tenant, chosen_membership, page
from tenants.access.rights import Right
from tenants.accounts.siblings import open_test_tenant


@login_required
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Look at another tenant of one's own; 404 for any that is not."""
    chosen_membership(request)
    wanted = request.POST.get("tenant", "")
    own = {tenant.public_id: tenant for tenant in request.tenants}  # type: ignore[attr-defined]
    if wanted not in own:
        raise Http404
    choose_tenant(request, own[wanted].id)
    return redirect("dashboard:start")


@require_POST
@page(Right.MANAGE_TENANT)
def open_test(request: PageRequest) -> HttpResponse:
    """Make the test tenant and go there."""
    tenant = open_test_tenant(actor=request.actor)
    choose_tenant(request, tenant.id)
    messages.success(
        request, _("Test mode is open. Nothing passes between it and the live tenant.")
    )
    return redirect("dashboard:start")
