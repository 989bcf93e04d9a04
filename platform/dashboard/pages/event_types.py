"""`/data/types/`: what an act may be, how much each says of taste, and the tenant's own types."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dashboard.forms import RefusableForm
from dashboard.wording.states import act_name
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.behaviour.columns.schema import EventType
from tenants.behaviour.types.event_types import NAME_LENGTH, set_event_type, stored_types
from tenants.behaviour.types.type_table import DEFAULTS, TypeTable, laid
from tenants.errors import AppError

PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class TypeForm(RefusableForm):
    """A type that is there, by its name, or a new one."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=NAME_LENGTH,
        help_text=gettext_lazy("Of a type above to change it, or a new one to add it."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    weight = forms.FloatField(
        label=gettext_lazy("Weight"),
        min_value=-1.0,
        max_value=1.0,
        help_text=gettext_lazy(
            "From -1 to 1: how much the act says of what a person likes; below 0 it speaks "
            "against the item."
        ),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    aliases = forms.CharField(
        label=gettext_lazy("Also called"),
        required=False,
        max_length=2_000,
        help_text=gettext_lazy(
            "Other names under which your data bring it, with commas between them. Case, blanks "
            "and punctuation do not matter."
        ),
        widget=forms.TextInput(attrs=PLAIN),
    )
    trade = forms.BooleanField(
        label=gettext_lazy("It moves goods: a quantity of zero is a fault"), required=False
    )

    def clean_aliases(self) -> list[str]:
        return str(self.cleaned_data["aliases"]).split(",")


@page(Right.READ_EVENTS)
def event_types(request: PageRequest) -> HttpResponse:
    """The table; with `?name=` the form holds that type as it is."""
    types = stored_types()
    chosen = types.by_name.get(request.GET.get("name", ""))
    return _whole(request, types, TypeForm(initial=_facts(chosen) if chosen else None))


@require_POST
@page(Right.WRITE_EVENTS)
def save_event_type(request: PageRequest) -> HttpResponse:
    """Change a type or add one; a fault comes back beside its field."""
    form = TypeForm(request.POST)
    if form.is_valid():
        try:
            set_event_type(**form.cleaned_data, actor=request.actor)
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(
                request, _("The type is saved. It counts from the next answer and training on.")
            )
            return redirect("dashboard:event_types")
    return _whole(request, stored_types(), form, status=422)


def _facts(kind: EventType) -> dict[str, Any]:
    """What the form shows of a type."""
    return {
        "name": kind.name,
        "weight": kind.weight,
        "aliases": ", ".join(laid(kind)),
        "trade": kind.trade,
    }


def _whole(
    request: PageRequest, types: TypeTable, form: TypeForm, status: int = 200
) -> HttpResponse:
    usual = {code: kind.weight for code, kind in DEFAULTS.by_code.items()}
    context = {
        "form": form if Right.WRITE_EVENTS in request.rights else None,
        "types": [
            (kind, act_name(kind), usual.get(kind.code, kind.weight) != kind.weight)
            for kind in types.types
        ],
    }
    return render(request, "dashboard/event_types.html", context, status=status)
