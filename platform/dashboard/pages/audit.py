"""`/audit/`: the tenant's log with filters, and its verification on demand.

A person's id travels in the body of a POST, which leads to the address with their pseudonym: it
stands in no address, no log and no history.
"""

import re
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from dashboard.forms import RefusableForm
from dashboard.paging import page_of
from dashboard.wording.audit import ACTORS, FAULTS
from dashboard.wording.errors import error_text
from dashboard.wording.models import said
from dashboard.wording.states import OUTCOMES, Badge
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.audit.checkpoints import newest
from tenants.audit.events import BY_ACTION, AuditEvent
from tenants.audit.models import AuditDetail, AuditEntry
from tenants.audit.verify import verify_log
from tenants.subjects.directory import audit_ref, find
from tenants.subjects.models import Subject
from tenants.subjects.viewing import note_subject_viewed

ANY = ("", _("Any"))
PSEUDONYM = re.compile(r"[0-9a-f]{64}")
VERIFIED = AuditEvent.LOG_VERIFIED.value.action
DATE = {"type": "date"}


class FilterForm(RefusableForm):
    """Which entries to show; an empty field filters nothing."""

    action = forms.ChoiceField(
        label=_("Action"),
        required=False,
        choices=[ANY, *((event.value.action, event.value.says) for event in AuditEvent)],
    )
    outcome = forms.ChoiceField(
        label=_("Outcome"),
        required=False,
        choices=[ANY, *((code, badge.label) for code, badge in OUTCOMES.items())],
    )
    actor = forms.CharField(label=_("By"), required=False, max_length=200)
    subject = forms.CharField(label=_("About a person"), required=False, max_length=200)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs=DATE))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs=DATE))

    def clean_subject(self) -> str:
        """Nothing but a pseudonym of the log, or nothing."""
        text = str(self.cleaned_data["subject"])
        if text and not PSEUDONYM.fullmatch(text):
            raise forms.ValidationError(error_text("unknown_person", {}))
        return text

    def narrow(self, entries: "QuerySet[AuditEntry]") -> "QuerySet[AuditEntry]":
        """The entries that pass; faulty fields filter nothing and say so on the page."""
        given = self.cleaned_data if self.is_bound and not self.errors else {}
        wanted: dict[str, Any] = {
            "action": given.get("action"),
            "outcome": given.get("outcome"),
            "actor_ref": given.get("actor"),
            "subject_ref": given.get("subject"),
            "recorded_at__gte": _midnight(given.get("since")),
            "recorded_at__lt": _midnight(given.get("until"), days=1),
        }
        return entries.filter(**{name: value for name, value in wanted.items() if value})


class AskForm(FilterForm):
    """The same as somebody fills it in: a person may go by the id that the tenant uses."""

    person: Subject | None = None

    def clean_subject(self) -> str:
        """The tenant's own id of a person, or the log's pseudonym -> the pseudonym."""
        text = str(self.cleaned_data["subject"])
        self.person = find(text) if text and "\0" not in text else None
        if self.person:
            self.cleaned_data["subject"] = audit_ref(self.person.id) or text
        return super().clean_subject()

    def address(self) -> str:
        """Where what was asked for is shown."""
        given = {name: self.data.get(name) for name in self.fields}
        asked = {**given, "subject": self.cleaned_data["subject"]}
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{reverse('dashboard:audit')}?{query}"


def _midnight(day: Any, days: int = 0) -> datetime | None:
    if day is None:
        return None
    try:
        return timezone.make_aware(datetime.combine(day + timedelta(days=days), time.min))
    except OverflowError:
        return None  # the calendar ends there: nothing lies beyond


@page(Right.READ_AUDIT)
def audit(request: PageRequest) -> HttpResponse:
    """The newest entries first. Asking for a person by their id is a look at them."""
    if request.method != "POST":
        return _whole(request, FilterForm(request.GET or None))
    asked = AskForm(request.POST)
    if not asked.is_valid():
        return _whole(request, asked, status=422)
    if asked.person:
        note_subject_viewed(subject_id=asked.person.id, page="audit", actor=request.actor)
    return redirect(asked.address())


def _whole(request: PageRequest, form: FilterForm, status: int = 200) -> HttpResponse:
    pages = page_of(request, form.narrow(AuditEntry.objects.order_by("-seq")))
    details = AuditDetail.objects.filter(entry_id__in=[entry.pk for entry in pages.rows])
    by_entry = {detail.entry_id: detail.details for detail in details}
    context = {
        "verified": AuditEntry.objects.filter(action=VERIFIED).order_by("-seq").first(),
        "mark": newest(),
        "form": form,
        "filtered": form.is_bound and form.is_valid() and any(form.cleaned_data.values()),
        "pages": pages,
        "entries": [_row(entry, by_entry.get(entry.pk, {})) for entry in pages.rows],
    }
    return render(request, "dashboard/audit.html", context, status=status)


@require_POST
@page(Right.READ_AUDIT)
def verify(request: PageRequest) -> HttpResponse:
    """Verify the chain now; the act itself becomes an entry."""
    verdict = verify_log(actor=request.actor)
    context = {"verdict": verdict, "fault": said(FAULTS, verdict.code) if verdict.code else ""}
    template = "dashboard/_verdict.html" if request.htmx else "dashboard/verdict.html"
    return render(request, template, context)


def _row(entry: AuditEntry, details: dict[str, Any]) -> dict[str, Any]:
    kind = BY_ACTION.get(entry.action)
    return {
        "entry": entry,
        "says": kind.says if kind else entry.action,
        "badge": OUTCOMES.get(entry.outcome, Badge(entry.outcome, "neutral")),
        "actor": said(ACTORS, entry.actor_type),
        "details": [(name, _plain(value)) for name, value in details.items() if value != ""],
    }


def _plain(value: Any) -> str:
    """A detail as short text; nested counts become pairs."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
