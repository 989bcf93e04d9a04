"""`/rights/`: what persons ask about their own data, the soonest due first, and taking one in."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dashboard.forms import RefusableForm
from dashboard.paging import page_of
from dashboard.wording.models import said
from dashboard.wording.rights import EVIDENCE, EXTENDED, KINDS, OVERDUE, PLACES, STATES
from dashboard.wording.states import Badge
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.errors import AppError
from tenants.rights import kinds
from tenants.rights.days import today
from tenants.rights.models import RightsRequest
from tenants.rights.opening import Evidence, open_request
from tenants.rights.queries import inbox, open_requests, overdue
from tenants.subjects.directory import ID_LENGTH

PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class EvidenceForm(RefusableForm):
    """How somebody showed who they are; the document itself stays with the tenant."""

    evidence = forms.ChoiceField(
        label=gettext_lazy("How they showed who they are"),
        required=False,
        choices=[("", gettext_lazy("Not yet")), *EVIDENCE.items()],
    )
    reference = forms.CharField(
        label=gettext_lazy("Where you keep the proof"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("A number or a place of yours. The document itself stays there."),
        widget=forms.TextInput(attrs=PLAIN),
    )

    def read(self) -> Evidence | None:
        """The evidence that was named; None when none was."""
        kind = self.cleaned_data["evidence"]
        return Evidence(kind, reference=self.cleaned_data["reference"]) if kind else None


class RequestForm(EvidenceForm):
    """A request as it came."""

    field_order = ("user_id", "kind", "place", "received_on", "evidence", "reference")
    user_id = forms.CharField(
        label=gettext_lazy("User id"),
        max_length=ID_LENGTH,
        help_text=gettext_lazy("As your own systems write it."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    kind = forms.ChoiceField(label=gettext_lazy("What they ask for"), choices=list(KINDS.items()))
    place = forms.ChoiceField(
        label=gettext_lazy("Whose law counts"), required=False, choices=list(PLACES.items())
    )
    received_on = forms.DateField(
        label=gettext_lazy("When it came"),
        required=False,
        help_text=gettext_lazy("Today, when left empty. The days are counted from here."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )


@dataclass(frozen=True)
class Line:
    """One request of the list. `left` is how many days it has, in words; "" once it has ended."""

    request: RightsRequest
    kind: str
    badges: list[Badge]
    left: str | Promise


@page(Right.MANAGE_RIGHTS)
def rights(request: PageRequest) -> HttpResponse:
    """The inbox and the form."""
    return _whole(request, RequestForm())


@require_POST
@page(Right.MANAGE_RIGHTS)
def take_in(request: PageRequest) -> HttpResponse:
    """Open a request, and lead to it."""
    form = RequestForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = open_request(
                user_id=given["user_id"].strip(),
                kind=given["kind"],
                jurisdiction=given["place"],
                received_at=_moment(given["received_on"]),
                evidence=form.read(),
                actor=request.actor,
            )
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, _carried_out(made))
            return redirect("dashboard:rights_request", made.public_id)
    return _whole(request, form, status=422)


def _carried_out(request: RightsRequest) -> str:
    if request.state == kinds.DONE:
        return _("Done. It counts from the next answer on.")
    return _("Taken in. Below stands what comes next.")


def _moment(day: date | None) -> datetime | None:
    """The beginning of a day in the tenant's zone: counted from there, no day is lost."""
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


def _whole(request: PageRequest, form: RequestForm, status: int = 200) -> HttpResponse:
    now = today()
    pages = page_of(request, inbox())
    context = {
        "form": form,
        "pages": pages,
        "lines": [line_of(one, now) for one in pages.rows],
        "open": open_requests().count(),
        "overdue": overdue(now).count(),
    }
    return render(request, "dashboard/rights.html", context, status=status)


def line_of(request: RightsRequest, now: date) -> Line:
    """A request as lists and its own page show it."""
    left = request.days_left(now)
    badges = [STATES[request.state]]
    badges += [EXTENDED] if request.extended_at and request.is_open else []
    badges += [OVERDUE] if left is not None and left < 0 else []
    return Line(request, said(KINDS, request.kind), badges, _in_words(left))


def _in_words(left: int | None) -> str:
    if left is None:
        return ""
    if left == 0:
        return _("today")
    told: dict[str, Any] = {"days": abs(left)}
    return (_("in %(days)s days") if left > 0 else _("%(days)s days ago")) % told
