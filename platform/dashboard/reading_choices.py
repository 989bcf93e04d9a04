"""What a person chooses on the mapping page: as proposed at first, as posted afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from dashboard.forms import RefusableForm
from dashboard.wording.mapping import DATE_ORDERS, DECIMAL_MARKS, LEFT_OUT
from dashboard.wording.states import act_name
from tenants.behaviour.asking.look import Look
from tenants.behaviour.asking.proposing import (
    Guess,
    likely_date_order,
    likely_decimal_mark,
    propose,
    sheet_of,
    suggested_options,
)
from tenants.behaviour.asking.remembered import recalled
from tenants.behaviour.cleaning.rates import USUAL
from tenants.behaviour.columns.event_context import PREFIX as CONTEXT
from tenants.behaviour.columns.event_context import context_field, is_context
from tenants.behaviour.columns.item_attributes import PREFIX as ATTRIBUTES
from tenants.behaviour.columns.item_attributes import attribute_field, is_attribute
from tenants.behaviour.columns.item_attributes import proposed as proposed_attributes
from tenants.behaviour.columns.options import MOST_ACTS
from tenants.behaviour.columns.schema import KINDS, UploadKind
from tenants.behaviour.models import Upload
from tenants.behaviour.types.type_table import TypeTable
from tenants.consent.vocabulary import ConsentEvent, Purpose

CONSENT_WORDS = {
    "purpose": frozenset(one.value.replace("_", "") for one in Purpose),
    "event": frozenset(one.value.replace("_", "") for one in ConsentEvent),
}
# What only a file of events is asked.
OF_EVENTS = ("default_type", "cancellation_prefix", "acts_per_minute", "known_items_only")
# What a column becomes that is none of ours -> the mapping's field for it.
FIELDS = {"attribute": attribute_field, "context": context_field}


class OptionsForm(RefusableForm):
    """How the cells are read."""

    default_type = forms.ChoiceField(
        label=_("Event type"),
        required=False,
        help_text=_("For a file of events without a column that names the type."),
    )
    cancellation_prefix = forms.CharField(
        label=_("Cancelled orders begin with"),
        required=False,
        max_length=20,
        help_text=_("Such as C for an order C123456."),
    )
    timezone = forms.CharField(
        label=_("Time zone"),
        help_text=_("Of times that carry none, such as Europe/London."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    date_order = forms.ChoiceField(
        label=_("Dates with the year last"),
        choices=list(DATE_ORDERS.items()),
        required=False,
        help_text=_("Such as 1/2/2026: what stands first."),
    )
    decimal_mark = forms.ChoiceField(
        label=_("Decimal mark"),
        choices=list(DECIMAL_MARKS.items()),
        required=False,
        help_text=_("Of prices, values and quantities."),
    )

    acts_per_minute = forms.IntegerField(
        label=_("Most acts of one person in a minute"),
        required=False,
        initial=USUAL,
        min_value=0,
        max_value=MOST_ACTS,
        help_text=_("What goes beyond is left out: no person does so much. 0 for no limit."),
    )
    known_items_only = forms.BooleanField(
        label=_("Leave out events of items that no catalogue has told of"), required=False
    )

    def __init__(self, *args: Any, kind: str, types: TypeTable, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind != Upload.EVENTS:
            for name in OF_EVENTS:
                del self.fields[name]
            return
        acts = [(one.name, act_name(one)) for one in types.types]
        choices = [("", _("As the file says")), *acts]
        self.fields["default_type"].choices = choices  # type: ignore[attr-defined]

    def clean_timezone(self) -> str:
        zone = str(self.cleaned_data["timezone"]).strip()
        if zone not in available_timezones():
            raise forms.ValidationError(_("Write an IANA name such as Europe/London."))
        return zone

    def options(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """What is chosen here, beside what was said before of other options."""
        found = {**before, **self.cleaned_data}
        if "default_type" in found:
            found["default_type"] = found["default_type"] or None
        if found.get("acts_per_minute", 0) is None:
            found["acts_per_minute"] = USUAL
        found["date_order"] = found.get("date_order") or None
        return {**found, "decimal_mark": found.get("decimal_mark") or "."}


@dataclass(frozen=True)
class Choices:
    """A whole mapping, empty names for what is left out, and the options; `reasons` of what was
    proposed, by our column: a code and whether it is sure."""

    mapping: dict[str, str]
    options: dict[str, Any]
    guesses: Mapping[str, Guess] = field(default_factory=dict)


def options_before(upload: Upload, look: Look) -> dict[str, Any]:
    """What was said of this file, over what was said of the last one like it while nothing was;
    how a file is written is found out of each anew."""
    before = None if upload.options["mapping"] else recalled(upload.kind, look.columns)
    kept = {
        name: value
        for name, value in (before.options if before else {}).items()
        if name not in ("encoding", "delimiter")
    }
    return {**kept, **upload.options["options"]}


def proposed(upload: Upload, look: Look, zone: str, types: TypeTable) -> Choices:
    """What was said of this file, else of the last one like it, else what it looks like."""
    # What was said may be of how the file was read before it was looked into again.
    said = {
        ours: theirs
        for ours, theirs in upload.options["mapping"].items()
        if not theirs or theirs in look.columns
    }
    options = {"timezone": zone, **options_before(upload, look)}
    if not said and (before := recalled(upload.kind, look.columns)):
        guesses = {
            ours: Guess(ours, theirs, 1.0, "remembered")
            for ours, theirs in before.mapping.items()
            if theirs
        }
        return Choices(before.mapping, options, guesses)
    kind = KINDS[upload.kind]
    columns = look.batch.frame.get_columns()
    mark = options.get("decimal_mark") or likely_decimal_mark(columns)
    order = options.get("date_order") or likely_date_order(columns, zone)
    words = {**CONSENT_WORDS, "type": frozenset(types.codes)}
    sheet = sheet_of(
        look.batch.frame, vocabulary=words, zone=zone, decimal_mark=mark, date_order=order
    )
    guesses = {
        ours: guess
        for ours, guess in propose(kind, sheet).items()
        if ours not in said and guess.column not in said.values()
    }
    mapping = {**{ours: guess.column for ours, guess in guesses.items()}, **said}
    guesses |= {ours: Guess(ours, theirs, 1.0, "said") for ours, theirs in said.items() if theirs}
    found = suggested_options(kind, sheet, {ours: name for ours, name in mapping.items() if name})
    written = {"decimal_mark": mark, "date_order": order}
    return Choices(_whole(kind, mapping, look), {**written, **found, **options}, guesses)


def _whole(kind: UploadKind, mapping: Mapping[str, str], look: Look) -> dict[str, str]:
    """The mapping with an empty name for each of our columns that it does not name, and the
    further columns of items as attributes."""
    whole = {**{column.name: "" for column in kind.columns}, **mapping}
    if kind.name == Upload.ITEMS:
        left = [name for name in look.columns if name not in whole.values()]
        for ours, name in proposed_attributes(left, mapping).items():
            whole.setdefault(ours, name)
    return whole


def posted(upload: Upload, look: Look, posted: QueryDict) -> dict[str, str]:
    """The mapping as the form has it: a column that is chosen for one of ours is nothing else."""
    kind = KINDS[upload.kind]
    mapping = {one.name: posted.get(f"field-{one.name}", "") for one in kind.columns}
    used = set(mapping.values())
    for place, name in enumerate(look.columns):
        if name in used:
            continue
        becomes = posted.get(f"more-{place}", LEFT_OUT)
        if becomes in FIELDS:
            mapping.setdefault(FIELDS[becomes](name), name)
        elif upload.kind == Upload.ITEMS and is_attribute(attribute_field(name)):
            mapping[attribute_field(name)] = ""
    return mapping


def becomes(name: str, mapping: Mapping[str, str]) -> str:
    """What an unread column of ours becomes under a mapping: a key of FIELDS, or LEFT_OUT."""
    for ours, theirs in mapping.items():
        if theirs == name and ours.startswith(ATTRIBUTES):
            return "attribute"
        if theirs == name and ours.startswith(CONTEXT):
            return "context"
    return LEFT_OUT


def can_be(name: str, kind: str) -> list[str]:
    """What a column with this heading may become."""
    if kind == Upload.ITEMS and is_attribute(attribute_field(name)):
        return ["attribute", LEFT_OUT]
    if kind == Upload.EVENTS and is_context(context_field(name)):
        return [LEFT_OUT, "context"]
    return [LEFT_OUT]
