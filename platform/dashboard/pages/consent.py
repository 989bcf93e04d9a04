"""`/consent/`: how far consent reaches, and which purposes each use rests on."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.charts.consent import funnel as funnel_chart
from dashboard.charts.consent import over_time
from dashboard.forms import RefusableForm
from dashboard.small_groups import Part, few, part_of
from dashboard.wording.states import PURPOSES, USES
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.consent.coverage import days_measured, funnel
from tenants.consent.models import UseTable
from tenants.consent.policy import policy_version, set_uses, uses
from tenants.consent.vocabulary import ALWAYS, Purpose, Use
from tenants.errors import AppError


class UsesForm(RefusableForm):
    """The purposes of each use; the one that it cannot do without is not asked for."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        table = uses()
        for use in Use:
            self.fields[use.value] = forms.MultipleChoiceField(
                label=str(USES[use.value]),
                choices=[(each.value, PURPOSES[each.value]) for each in Purpose],
                initial=[each.value for each in table[use]],
                widget=forms.CheckboxSelectMultiple,
                required=False,
            )

    def table(self) -> dict[Use, list[Purpose]]:
        """What was chosen, with what cannot be missing."""
        chosen = {use: [*map(Purpose, self.cleaned_data[use.value])] for use in Use}
        return {
            use: [*row, *({ALWAYS[use]} - set(row) if use in ALWAYS else ())]
            for use, row in chosen.items()
        }


@dataclass(frozen=True)
class Step:
    """One line of the funnel, as far as it may be shown."""

    label: str | Promise
    part: Part


@page(Right.READ_CONSENTS)
def consent(request: PageRequest) -> HttpResponse:
    """The funnel now and over time, the table of uses, and ways to notices and signals."""
    return _whole(request, UsesForm())


@require_POST
@page(Right.WRITE_CONSENTS)
def save_uses(request: PageRequest) -> HttpResponse:
    """Put a new version of the table in force."""
    form = UsesForm(request.POST)
    if form.is_valid():
        try:
            set_uses(table=form.table(), actor=request.actor)
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The table is in force from the next question on."))
            return redirect("dashboard:consent")
    return _whole(request, form, status=422)


def _whole(request: PageRequest, form: UsesForm, status: int = 200) -> HttpResponse:
    found, days = funnel(), days_measured()
    steps = [Step(_("With any consent record"), part_of(found.recorded, found.known))]
    steps += [
        Step(PURPOSES[purpose.value], part_of(count, found.known))
        for purpose, count in found.usable.items()
    ]
    newest = UseTable.objects.order_by("-number").first()
    context = {
        "known": few(found.known),
        "is_empty": found.known == 0,
        "steps": steps,
        "funnel_chart": funnel_chart([step.label for step in steps], [step.part for step in steps]),
        "chart": over_time(days) if len(days) > 1 else None,
        "form": form if Right.WRITE_CONSENTS in request.rights else None,
        "table": [
            (USES[use.value], [PURPOSES[each.value] for each in row]) for use, row in uses().items()
        ],
        "version": newest.number if newest else 0,
        "policy": policy_version(),
    }
    return render(request, "dashboard/consent.html", context, status=status)
