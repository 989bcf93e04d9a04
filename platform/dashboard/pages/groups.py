"""`/models/groups/`: by which groups versions are checked for fairness, and what the data offer."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from dashboard.forms import RefusableForm
from dashboard.small_groups import few
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.errors import AppError
from training.jobs.declaring import (
    Choice,
    choices_of_items,
    choices_of_people,
    declare_groups,
    declared,
)


class GroupsForm(RefusableForm):
    """One key for people and one for items, out of what the data hold now or hold no more."""

    subjects = forms.ChoiceField(label=gettext_lazy("People by"), required=False)
    items = forms.ChoiceField(label=gettext_lazy("Items by"), required=False)

    def offer(self, people: list[Choice], items: list[Choice]) -> None:
        """Fill the choices; what is declared stays one even where the data hold it no more."""
        now = declared()
        for name, offered, chosen in (
            ("subjects", people, now.subjects),
            ("items", items, now.items),
        ):
            told = [(one.key, _said(one)) for one in offered]
            gone = [(chosen, chosen)] if chosen and chosen not in dict(told) else []
            field = self.fields[name]
            field.choices = [("", _("No groups")), *told, *gone]  # type: ignore[attr-defined]
            self.initial[name] = chosen


def _said(one: Choice) -> str:
    """A choice with its counts: country: 40 groups, 3 of ten or more, 4,338 in all."""
    counted = ngettext("%(count)s group", "%(count)s groups", one.groups) % {"count": one.groups}
    words = _("%(key)s: %(groups)s, %(large)s of them of ten or more; %(size)s in all")
    told = {"key": one.key, "groups": counted, "large": one.large, "size": few(one.size)}
    return str(words % told)


@page(Right.READ_MODELS)
def groups(request: PageRequest) -> HttpResponse:
    """What is declared, and for who may change it the choice."""
    return _whole(request, GroupsForm())


@require_POST
@page(Right.MANAGE_MODELS)
def declare(request: PageRequest) -> HttpResponse:
    """Declare; a fault comes back beside its field."""
    form = GroupsForm(request.POST)
    form.offer(choices_of_people(), choices_of_items())
    if form.is_valid():
        try:
            declare_groups(**form.cleaned_data, actor=request.actor)
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(
                request, _("The groups are declared. The next job is checked by them.")
            )
            return redirect("dashboard:groups")
    return _whole(request, form, status=422)


def _whole(request: PageRequest, form: GroupsForm, status: int = 200) -> HttpResponse:
    people, items = choices_of_people(), choices_of_items()
    form.offer(people, items)
    context = {
        "form": form if Right.MANAGE_MODELS in request.rights else None,
        "declared": declared(),
        "people": people,
        "items": items,
    }
    return render(request, "dashboard/groups.html", context, status=status)
