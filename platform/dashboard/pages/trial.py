"""`/try/`: type a user id, see what is known of the person and what they would be answered.

The id travels in the body of a POST: it stands in no address, no log and no history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboard.forms import RefusableForm
from dashboard.wording.models import SOURCE_COLOURS, SOURCES, said
from dashboard.wording.states import act_name
from recommend.answering import Answer, AnsweredItem, answer
from recommend.context import Context, context_in_scope
from recommend.shown import ShownItem
from recommend.wording import reason_text, why_not_personal
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.behaviour.models import Item
from tenants.behaviour.types.event_types import event_types
from tenants.subjects.viewing import note_subject_viewed
from training.jobs.models import Version

SHOWN_EVENTS = 20
LIMIT = 10
VARIETIES = [("0", _("Best first")), ("0.3", _("Some variety")), ("0.6", _("Much variety"))]


class TryForm(RefusableForm):
    """Whom to look at."""

    user_id = forms.CharField(
        label=_("User id"),
        max_length=200,
        help_text=_("As your own systems write it."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    diversity = forms.ChoiceField(
        label=_("Variety"),
        choices=VARIETIES,
        required=False,
        help_text=_("How much it counts that the items are unlike each other."),
    )


@dataclass(frozen=True)
class Piece:
    """What one source added to an item: a name, a colour, a share of all that was added."""

    name: str
    colour: int
    start: float
    share: float


@dataclass(frozen=True)
class Suggestion:
    """One recommended item, with its reason in words and the sources behind it."""

    item: ShownItem
    reason: str
    probability: float | None
    pieces: Sequence[Piece]


@dataclass(frozen=True)
class Act:
    """One past act of the person."""

    title: str
    act: str | Promise
    at: datetime


@page(Right.READ_RECOMMENDATIONS)
def trial(request: PageRequest) -> HttpResponse:
    """The form; with an id, the answer below it. htmx takes the answer alone."""
    form = TryForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        asked = form.cleaned_data
        context |= _answered(request, asked["user_id"].strip(), float(asked["diversity"] or 0))
    template = "dashboard/_try.html" if request.htmx else "dashboard/try.html"
    return render(request, template, context)


def _answered(request: PageRequest, user_id: str, diversity: float) -> dict[str, Any]:
    found = context_in_scope(user_id)
    given = answer(found, limit=LIMIT, asked_by=request.actor.ref, diversity=diversity)
    if found.subject_id is not None:
        note_subject_viewed(subject_id=found.subject_id, page="try", actor=request.actor)
    version_id = given.decision.version_id
    suggestions = [_suggestion(line, given) for line in given.items]
    names = [piece for one in suggestions for piece in one.pieces]
    return {
        "user_id": user_id,
        "answer": given,
        "why_not": why_not_personal(given.code),
        "version": Version.objects.filter(pk=version_id).first() if version_id else None,
        "suggestions": suggestions,
        "key": sorted({(piece.colour, piece.name) for piece in names}),
        "acts": _acts(found),
    }


def _suggestion(line: AnsweredItem, given: Answer) -> Suggestion:
    reason = reason_text(line.reason, given.cited)
    return Suggestion(line.item, reason, line.probability, pieces(line.contributions))


def pieces(contributions: dict[str, float]) -> list[Piece]:
    """The sources that added to a score, as shares of what all of these added; largest first."""
    added = sorted(
        ((value, name) for name, value in contributions.items() if value > 0), reverse=True
    )
    whole = sum(value for value, _name in added)
    made: list[Piece] = []
    start = 0.0
    for value, name in added:
        share = value / whole
        made.append(Piece(said(SOURCES, name), SOURCE_COLOURS.get(name, 6), start, share))
        start += share
    return made


def _acts(found: Context) -> list[Act]:
    """The newest acts; none of a person who does not consent: the query returns none."""
    newest = list(zip(found.items, found.times, found.types, strict=True))[:SHOWN_EVENTS]
    types = event_types(found.types).by_code
    items = Item.objects.in_bulk([item for item, _at, _type in newest])
    return [
        Act(
            title=items[item].title or items[item].external_id,
            act=act_name(types[code]),
            at=datetime.fromtimestamp(at, UTC),
        )
        for item, at, code in newest
        if item in items
    ]
