"""`/exports/`: evidence for auditors, the public key to pin, and where checkpoints are copied."""

import json
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from dashboard.forms import RefusableForm
from dashboard.progress import Progress
from dashboard.wording.errors import error_text, refusal_of
from dashboard.wording.states import EXPORTS, OUTCOMES
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.audit.checkpoints import line_of, newest
from tenants.audit.copies import choose_place
from tenants.audit.events import AuditEvent
from tenants.audit.models import CheckpointPlace
from tenants.audit.signing import key_id, public_key
from tenants.departure.zip_reply import zip_reply
from tenants.errors import AppError, Conflict
from tenants.evidence.kinds import kinds
from tenants.evidence.models import EvidenceExport
from tenants.evidence.services import download_evidence, request_evidence
from tenants.ids import parse_id

SHOWN = 10
ANY = ("", gettext_lazy("Any"))
DATE = {"type": "date"}


class OrderForm(RefusableForm):
    """What the export is of; an empty field filters nothing."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Export"),
        choices=lambda: [(name, kind.says) for name, kind in kinds().items()],
    )
    since = forms.DateField(
        label=gettext_lazy("From"), required=False, widget=forms.DateInput(attrs=DATE)
    )
    until = forms.DateField(
        label=gettext_lazy("Before"), required=False, widget=forms.DateInput(attrs=DATE)
    )
    action = forms.ChoiceField(
        label=gettext_lazy("Action"),
        required=False,
        choices=[ANY, *((event.value.action, event.value.says) for event in AuditEvent)],
    )
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        required=False,
        choices=[ANY, *((code, badge.label) for code, badge in OUTCOMES.items())],
    )
    actor = forms.CharField(label=gettext_lazy("By"), required=False, max_length=200)
    subject = forms.CharField(
        label=gettext_lazy("About a person"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("The id that your systems use."),
    )


class PlaceForm(RefusableForm):
    """Where copies of the checkpoints go."""

    prefix = "place"
    place = forms.ChoiceField(
        label=gettext_lazy("Copies of checkpoints go to"),
        required=False,
        choices=lambda: [
            ("", _("Nowhere")),
            *((name, name) for name in settings.CHECKPOINT_PLACES),
        ],
    )


@page(Right.READ_AUDIT)
def evidence(request: PageRequest) -> HttpResponse:
    """The page, or only the exports when htmx asks for news."""
    if request.htmx:
        return render(request, "dashboard/_evidence.html", _exports())
    return _whole(request)


@require_POST
@page(Right.READ_AUDIT)
def make_evidence(request: PageRequest) -> HttpResponse:
    """Promise an export; the page then shows how far it is."""
    form = OrderForm(request.POST)
    if form.is_valid():
        given = dict(form.cleaned_data)
        try:
            request_evidence(kind=given.pop("kind"), filters=given, actor=request.actor)
        except AppError as error:
            form.refuse(error)
        else:
            return redirect("dashboard:evidence")
    return _whole(request, order=form, status=422)


@require_GET
@cache_control(no_store=True)
@page(Right.READ_AUDIT)
def download(request: PageRequest, evidence_id: str) -> StreamingHttpResponse:
    """The zip, opened piece by piece as it is sent."""
    pk = parse_id("evidence", evidence_id)
    return zip_reply(*download_evidence(export_id=pk, actor=request.actor))


@require_GET
@page(Right.READ_AUDIT)
def checkpoint(request: PageRequest) -> HttpResponse:
    """The newest signed checkpoint, as a file to be kept outside."""
    mark = newest()
    if mark is None:
        raise Conflict("no_checkpoint", "There is no checkpoint yet. Come back in five minutes.")
    reply = HttpResponse(json.dumps(line_of(mark)), content_type="application/json")
    reply["Content-Disposition"] = f'attachment; filename="checkpoint-{mark.size}.json"'
    return reply


@require_POST
@page(Right.MANAGE_TENANT)
def set_place(request: PageRequest) -> HttpResponse:
    """Choose where copies of the checkpoints go."""
    form = PlaceForm(request.POST)
    if form.is_valid():
        try:
            choose_place(name=form.cleaned_data["place"], actor=request.actor)
        except AppError as error:
            messages.error(request, refusal_of(error))
        else:
            messages.success(request, _("Saved."))
    return redirect("dashboard:evidence")


def _whole(
    request: PageRequest, *, order: OrderForm | None = None, status: int = 200
) -> HttpResponse:
    place = CheckpointPlace.objects.first()
    context = {
        "order": order or OrderForm(),
        "public_key": public_key(request.tenant.id).hex(),
        "key_id": key_id(request.tenant.id),
        "mark": newest(),
        "place": place,
        "place_error": error_text(place.error, {}) if place and place.error else "",
        "place_form": PlaceForm(initial={"place": place.name if place else ""}),
        "may_choose": Right.MANAGE_TENANT in request.rights and bool(settings.CHECKPOINT_PLACES),
        **_exports(),
    }
    return render(request, "dashboard/evidence.html", context, status=status)


def _exports() -> dict[str, Any]:
    """The latest exports, each with its name, badge and how far it is."""
    names = {name: kind.says for name, kind in kinds().items()}
    found = list(EvidenceExport.objects.order_by("-created_at")[:SHOWN])
    return {
        "exports": [
            (export, names.get(export.kind, export.kind), EXPORTS[export.state], _progress(export))
            for export in found
        ],
        "live": any(export.state in EvidenceExport.OPEN for export in found),
    }


def _progress(export: EvidenceExport) -> Progress | None:
    if export.state not in EvidenceExport.OPEN:
        return None
    if not export.done:
        return Progress(0.0, _("Waiting for its turn"), "")
    return Progress(0.5, _("Being written"), _("%(done)s lines") % {"done": export.done})
