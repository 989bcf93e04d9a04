"""`/settings/retention/`: how long each class of data is kept; the tenant may keep less."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from compliance.retention.choosing import choose_retention, days_kept
from compliance.retention.classes import CLASSES, RetentionClass
from dashboard.forms import RefusableForm
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.errors import AppError


class RetentionForm(RefusableForm):
    """A number of days for each class that leaves a choice; empty for the usual time."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        for one in CLASSES:
            if one.least is not None:
                limits = {"min": one.least, "max": one.most}
                self.fields[one.code] = forms.IntegerField(
                    label=str(one.says),
                    required=False,
                    widget=forms.NumberInput(attrs={**limits, "inputmode": "numeric"}),
                )


@dataclass(frozen=True)
class Line:
    """One class as the page shows it; `field` is None where nothing can be chosen."""

    one: RetentionClass
    kept: str
    bounds: str
    field: Any


@page(Right.MANAGE_TENANT)
def retention(request: PageRequest) -> HttpResponse:
    """The table, filled with what is in force."""
    usual = {one.code: one.default for one in CLASSES}
    chosen = {code: days for code, days in days_kept().items() if days != usual[code]}
    return _whole(request, RetentionForm(initial=chosen))


@require_POST
@page(Right.MANAGE_TENANT)
def save_retention(request: PageRequest) -> HttpResponse:
    """Choose; a fault comes back beside its number."""
    form = RetentionForm(request.POST)
    if form.is_valid():
        try:
            choose_retention(days=form.cleaned_data, actor=request.actor)
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved. What is older is deleted within the hour."))
            return redirect("dashboard:retention")
    return _whole(request, form, status=422)


def _whole(request: PageRequest, form: RetentionForm, status: int = 200) -> HttpResponse:
    days = days_kept()
    lines = [_line(one, days[one.code], form) for one in CLASSES]
    context = {"form": form, "lines": lines}
    return render(request, "dashboard/retention.html", context, status=status)


def _line(one: RetentionClass, days: int | None, form: RetentionForm) -> Line:
    field = form[one.code] if one.code in form.fields else None
    bounds = ""
    if one.least is not None:
        least = {"least": f"{one.least:,}", "usual": f"{one.most:,}"}
        bounds = (
            _("%(least)s to %(usual)s days") % least
            if one.default
            else _("%(least)s days or more") % least
        )
    return Line(one, _kept(one, days), bounds, field)


def _kept(one: RetentionClass, days: int | None) -> str:
    if days is None:
        return _("As long as the tenant")
    if days == 0:
        return _("Until the end that each record names")
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": f"{days:,}"}
