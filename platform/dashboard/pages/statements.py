"""`/settings/statements/`: what only the tenant can say for the packs that auditors ask for."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from compliance.packs.questions import LONGEST, QUESTIONS, state
from compliance.packs.questions import statements as stated
from dashboard.forms import RefusableForm
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.errors import AppError


class StatementsForm(RefusableForm):
    """One text for each question; an empty one leaves it open."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        for question in QUESTIONS:
            self.fields[question.name] = forms.CharField(
                label=str(question.says),
                help_text=question.law,
                required=False,
                max_length=LONGEST,
                widget=forms.Textarea(attrs={"rows": 3}),
            )


@page(Right.MANAGE_TENANT)
def statements(request: PageRequest) -> HttpResponse:
    """Every question with its answer."""
    return _whole(request, StatementsForm(initial=stated()))


@require_POST
@page(Right.MANAGE_TENANT)
def save_statements(request: PageRequest) -> HttpResponse:
    """Keep the answers; a fault comes back beside its field."""
    form = StatementsForm(request.POST)
    if form.is_valid():
        try:
            state(answers=form.cleaned_data, actor=request.actor)
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved. The next pack tells it."))
            return redirect("dashboard:statements")
    return _whole(request, form, status=422)


def _whole(request: PageRequest, form: StatementsForm, status: int = 200) -> HttpResponse:
    told = stated()
    waiting = [question.says for question in QUESTIONS if question.name not in told]
    context = {"form": form, "open": waiting}
    return render(request, "dashboard/statements.html", context, status=status)
