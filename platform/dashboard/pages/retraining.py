"""The form that says when a tenant trains anew by itself."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dashboard.forms import RefusableForm
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.errors import AppError
from training.jobs.rules import LONGEST_DAYS, LONGEST_REPLACE, rule, set_rule


class RuleForm(RefusableForm):
    """Three reasons; 0 switches one off. Shares are shown in per cent."""

    every_days = forms.IntegerField(
        label=gettext_lazy("Every so many days"), min_value=0, max_value=LONGEST_DAYS
    )
    new_percent = forms.IntegerField(
        label=gettext_lazy("When so many per cent of new events came"), min_value=0, max_value=100
    )
    unknown_percent = forms.IntegerField(
        label=gettext_lazy("When so many per cent of a week's events are on unknown items"),
        min_value=0,
        max_value=100,
    )
    replace_days = forms.IntegerField(
        label=gettext_lazy(
            "Replace a version within so many days once people in its data have gone"
        ),
        required=False,
        min_value=1,
        max_value=LONGEST_REPLACE,
    )


def rule_form() -> RuleForm:
    """The form with the rule in force."""
    current = rule()
    return RuleForm(
        initial={
            "every_days": current.every_days,
            "new_percent": round(current.new_share * 100),
            "unknown_percent": round(current.unknown_share * 100),
            "replace_days": current.replace_days,
        },
        auto_id="rule_%s",
    )


@require_POST
@page(Right.MANAGE_MODELS)
def change_rule(request: PageRequest) -> HttpResponse:
    """Change the rule."""
    form = RuleForm(request.POST)
    if not form.is_valid():
        raise AppError("bad_rule", "Write whole numbers within their bounds.")
    set_rule(
        every_days=form.cleaned_data["every_days"],
        new_share=form.cleaned_data["new_percent"] / 100,
        unknown_share=form.cleaned_data["unknown_percent"] / 100,
        replace_days=form.cleaned_data["replace_days"] or rule().replace_days,
        actor=request.actor,
    )
    messages.success(request, _("The rule is changed."))
    return redirect("dashboard:models")
