"""`/settings/`: the tenant's own facts, its plan, its export and its end. The only page that is
left to the owner of a tenant that is being closed.
"""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from dashboard.forms import RefusableForm
from dashboard.progress import Progress
from dashboard.wording.errors import refusal_of
from dashboard.wording.limits import said_limits
from dashboard.wording.states import EXPORTS
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.accounts.life import update_tenant
from tenants.accounts.models import Tenant
from tenants.departure.models import TenantExport
from tenants.departure.services import (
    GRACE,
    close_tenant,
    download_export,
    keep_tenant,
    request_export,
)
from tenants.departure.zip_reply import zip_reply
from tenants.errors import AppError
from tenants.ids import parse_id
from tenants.isolation.models import KnownTenant

EXPORTS_SHOWN = 3


class FactsForm(RefusableForm):
    """What the tenant says of itself."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    timezone = forms.CharField(
        label=gettext_lazy("Time zone"),
        help_text=gettext_lazy("In which its pages show times, such as Europe/London."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    controller_contact = forms.CharField(
        label=gettext_lazy("Contact"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("Who answers for the data, as notices name them."),
    )

    def clean_timezone(self) -> str:
        zone = str(self.cleaned_data["timezone"]).strip()
        if zone not in available_timezones():
            raise forms.ValidationError(_("Write an IANA name such as Europe/London."))
        return zone


class CloseForm(RefusableForm):
    """The tenant's name, typed by whoever means it."""

    prefix = "close"
    name = forms.CharField(
        label=gettext_lazy("Type the tenant's name"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


@page(Right.MANAGE_TENANT)
def settings(request: PageRequest) -> HttpResponse:
    """The page, or only the exports when htmx asks for news."""
    if request.htmx:
        return render(request, "dashboard/_exports.html", _exports())
    return _whole(request)


@require_POST
@page(Right.MANAGE_TENANT)
def save_settings(request: PageRequest) -> HttpResponse:
    """Change the facts; a fault comes back beside its field."""
    form = FactsForm(request.POST)
    if form.is_valid():
        try:
            update_tenant(**form.cleaned_data, actor=request.actor)
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("dashboard:settings")
    return _whole(request, facts=form, status=422)


@require_POST
@page(Right.MANAGE_TENANT)
def make_export(request: PageRequest) -> HttpResponse:
    """Promise an export; the page then shows how far it is."""
    try:
        request_export(actor=request.actor)
    except AppError as error:
        messages.error(request, refusal_of(error))
    return redirect("dashboard:settings")


@require_GET
@cache_control(no_store=True)
@page(Right.MANAGE_TENANT)
def download(request: PageRequest, export_id: str) -> StreamingHttpResponse:
    """The zip, opened piece by piece as it is sent."""
    pk = parse_id("export", export_id)
    return zip_reply(*download_export(export_id=pk, actor=request.actor))


@require_POST
@page(Right.MANAGE_TENANT)
def close(request: PageRequest) -> HttpResponse:
    """Suspend the tenant and set its end."""
    form = CloseForm(request.POST)
    if form.is_valid():
        try:
            close_tenant(
                tenant_id=request.tenant.id, name=form.cleaned_data["name"], actor=request.actor
            )
        except AppError as error:
            form.refuse(error)
        else:
            return redirect("dashboard:settings")
    return _whole(request, closing=form, status=422)


@require_POST
@page(Right.MANAGE_TENANT)
def keep(request: PageRequest) -> HttpResponse:
    """Take the closing back."""
    keep_tenant(tenant_id=request.tenant.id, actor=request.actor)
    messages.success(request, _("The tenant stays, and works again."))
    return redirect("dashboard:settings")


def _whole(
    request: PageRequest,
    *,
    facts: FactsForm | None = None,
    closing: CloseForm | None = None,
    status: int = 200,
) -> HttpResponse:
    tenant = request.tenant
    known = KnownTenant.objects.get(pk=tenant.id)
    context = {
        "facts": facts or FactsForm(initial={name: getattr(tenant, name) for name in FACTS}),
        "close_form": closing or CloseForm(),
        "closes_at": known.closes_at,
        "closing": tenant.resting == Tenant.CLOSING,
        "grace_days": GRACE.days,
        "plan": tenant.plan,
        "limits": said_limits(tenant.limits, tenant.granted),
        **_exports(),
    }
    return render(request, "dashboard/settings.html", context, status=status)


FACTS = tuple(FactsForm.base_fields)


def _exports() -> dict[str, Any]:
    """The latest exports, each with its badge and how far it is; whether one may be fetched."""
    found = list(TenantExport.objects.order_by("-created_at")[:EXPORTS_SHOWN])
    return {
        "exports": [(export, EXPORTS[export.state], _progress(export)) for export in found],
        "live": any(export.state in TenantExport.OPEN for export in found),
        "ready": any(export.state == TenantExport.DONE for export in found),
    }


def _progress(export: TenantExport) -> Progress | None:
    if export.state not in TenantExport.OPEN:
        return None
    if not export.total:
        return Progress(0.0, _("Waiting for its turn"), "")
    note = _("%(done)s of %(total)s files") % {"done": export.done, "total": export.total}
    return Progress(export.done / export.total, _("Being written"), note)
