"""`/rights/…/person/`: what is held and derived of the person who asked, for those who answer.

Their history is shown also where its use is restricted. Each look is recorded.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from dashboard.forms import RefusableForm
from dashboard.pages.rights import PLAIN
from dashboard.paging import page_of
from dashboard.wording import features
from dashboard.wording.errors import refusal_of
from dashboard.wording.models import said
from dashboard.wording.rights import TABLES
from dashboard.wording.states import (
    CONSENT_STATES,
    NO_CONSENT,
    PURPOSES,
    Badge,
    act_name,
)
from recommend.derived import categories_of, derived_of
from recommend.wording import why_not_personal
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.behaviour.models import Event
from tenants.behaviour.types.event_types import event_types
from tenants.consent.fold import UNKNOWN
from tenants.consent.queries import gpc_honoured_at, state_at
from tenants.consent.vocabulary import Purpose
from tenants.erasure.counting import stores
from tenants.errors import AppError, NotFound
from tenants.ids import parse_id
from tenants.rights import kinds, rectifying
from tenants.rights.models import RightsRequest
from tenants.rights.profile import removals_of, remove_from_profile, return_to_profile
from tenants.rights.queries import found
from tenants.subjects.directory import ID_LENGTH, external_id_of
from tenants.subjects.viewing import note_subject_viewed

OWN_SHOWN = 20
WHEN = {"type": "datetime-local", "step": "1"}


class CorrectForm(RefusableForm):
    """What is right, of one event; `act` is its hash."""

    act = forms.UUIDField(widget=forms.HiddenInput)
    type = forms.ChoiceField(label=gettext_lazy("Act"))
    value = forms.FloatField(label=gettext_lazy("Value"), required=False)
    quantity = forms.FloatField(label=gettext_lazy("Quantity"), required=False)
    occurred_at = forms.DateTimeField(
        label=gettext_lazy("When"),
        widget=forms.DateTimeInput(attrs=WHEN, format="%Y-%m-%dT%H:%M:%S"),
    )

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        acts = [(kind.name, act_name(kind)) for kind in event_types().types]
        self.fields["type"].choices = acts  # type: ignore[attr-defined]


class ActForm(RefusableForm):
    """Which event is meant."""

    act = forms.UUIDField(widget=forms.HiddenInput)


class RenameForm(RefusableForm):
    """The right id of the person."""

    user_id = forms.CharField(
        label=gettext_lazy("The right user id"),
        max_length=ID_LENGTH,
        widget=forms.TextInput(attrs=PLAIN),
    )


class RemoveForm(RefusableForm):
    """What no longer counts: an item or a category."""

    item_id = forms.CharField(required=False, max_length=ID_LENGTH)
    category = forms.CharField(required=False, max_length=ID_LENGTH)


class ReturnForm(RefusableForm):
    """What counts again."""

    removal = forms.CharField(max_length=40)


def _correct(one: RightsRequest, given: dict[str, Any], **by: Any) -> None:
    changes = dict(given)
    act = changes.pop("act")
    stored = Event.objects.filter(dedup=act).values_list("occurred_at", flat=True).first()
    if stored and stored.replace(microsecond=0) == changes["occurred_at"]:
        del changes["occurred_at"]  # the field shows no more than seconds
    rectifying.correct_event(request_id=one.id, act=act, changes=changes, **by)


def _delete(one: RightsRequest, given: dict[str, Any], **by: Any) -> None:
    rectifying.delete_event(request_id=one.id, act=given["act"], **by)


def _rename(one: RightsRequest, given: dict[str, Any], **by: Any) -> None:
    rectifying.correct_id(request_id=one.id, user_id=given["user_id"].strip(), **by)


def _remove(one: RightsRequest, given: dict[str, Any], **by: Any) -> None:
    remove_from_profile(subject_id=one.subject_id, **given, **by)


def _put_back(one: RightsRequest, given: dict[str, Any], **by: Any) -> None:
    removal_id: UUID = parse_id("profile removal", given["removal"])
    if not removals_of(one.subject_id).filter(pk=removal_id).exists():
        raise NotFound("profile removal")
    return_to_profile(removal_id=removal_id, **by)


# What may be done to the person's data -> the form that it takes, and what it does.
ACTS: dict[str, tuple[type[RefusableForm], Callable[..., None]]] = {
    "correct": (CorrectForm, _correct),
    "delete": (ActForm, _delete),
    "rename": (RenameForm, _rename),
    "remove": (RemoveForm, _remove),
    "put_back": (ReturnForm, _put_back),
}


@require_GET
@page(Right.MANAGE_RIGHTS)
def person(request: PageRequest, request_id: str) -> HttpResponse:
    """What is held and what is derived."""
    one = found(parse_id("rights request", request_id))
    user_id = external_id_of(one.subject)
    note_subject_viewed(subject_id=one.subject_id, page="person", actor=request.actor)
    derived = derived_of(one.subject)
    events = Event.objects.filter(subject_id=one.subject_id).select_related("item")
    pages = page_of(request, events.order_by("-occurred_at", "-id"))
    corrects = one.kind == kinds.RECTIFICATION and one.state == kinds.IN_PROGRESS
    context = {
        "row": one,
        "user_id": user_id,
        "held": _held(one.subject_id),
        "pages": pages,
        "events": [_line(event, corrects) for event in pages.rows],
        "corrects": corrects,
        "rename": RenameForm(),
        "own": derived.own[:OWN_SHOWN],
        "categories": categories_of(derived),
        "features": features.told(features.OF_SUBJECTS, derived.features),
        "item_columns": features.OF_ITEMS.values(),
        "item_features": [
            (line.item, features.told(features.OF_ITEMS, line.features))
            for line in derived.own[:OWN_SHOWN]
            if line.features
        ],
        "why_not": why_not_personal(derived.code),
        "removals": removals_of(one.subject_id),
        "consents": _consents(one.subject_id),
        "gpc": gpc_honoured_at(one.subject_id),
    }
    return render(request, "dashboard/person.html", context)


@require_POST
@page(Right.MANAGE_RIGHTS)
def act_on_person(request: PageRequest, request_id: str) -> HttpResponse:
    """Correct, delete, take out, put back; a refusal is told above the page."""
    one = found(parse_id("rights request", request_id))
    act = request.POST.get("do", "")
    if act not in ACTS:
        raise NotFound("act")
    form_class, take = ACTS[act]
    form = form_class(request.POST)
    if form.is_valid():
        try:
            take(one, form.cleaned_data, actor=request.actor)
        except AppError as error:
            messages.error(request, refusal_of(error))
        else:
            messages.success(request, _("Done. It counts from the next answer on."))
    else:
        messages.error(
            request, " ".join(str(text) for texts in form.errors.values() for text in texts)
        )
    return redirect("dashboard:person", request_id)


def _consents(subject_id: int) -> list[tuple[str | Promise, Badge]]:
    """What the person allows now, purpose by purpose."""
    at = now()
    return [
        (PURPOSES[purpose.value], CONSENT_STATES.get(state.state, NO_CONSENT))
        for purpose in Purpose
        if (state := state_at(subject_id, purpose, at)).state != UNKNOWN
    ]


def _held(subject_id: int) -> list[tuple[str, int]]:
    """Each table that holds the person, in words, with its rows."""
    counted = {name: n for store in stores() for name, n in store.count(subject_id).items()}
    return [(said(TABLES, name), count) for name, count in counted.items() if count]


def _line(event: Event, corrects: bool) -> dict[str, Any]:
    kind = event_types([event.type]).by_code[event.type]
    told = {
        "act": event.dedup,
        "type": kind.name,
        "value": event.value,
        "quantity": event.quantity,
        "occurred_at": event.occurred_at,
    }
    form = CorrectForm(initial=told, auto_id=f"id_{event.id}_%s") if corrects else None
    return {"event": event, "act": act_name(kind), "form": form}
