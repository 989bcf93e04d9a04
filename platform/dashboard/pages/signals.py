"""`/consent/signals/`: what foreign consent signals mean here."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dashboard.forms import RefusableForm
from dashboard.wording.states import PURPOSES
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.consent.models import Notice
from tenants.consent.signal_reading import READERS
from tenants.consent.signals import mapping, set_signals
from tenants.consent.vocabulary import Purpose
from tenants.errors import AppError

LINE = 3


class SignalsForm(RefusableForm):
    """One line for each category: kind, category, purpose."""

    rows = forms.CharField(
        label=gettext_lazy("Lines"),
        required=False,
        max_length=20_000,
        help_text=gettext_lazy("One each: kind, category, purpose, with commas between them."),
        widget=forms.Textarea(attrs={"spellcheck": "false", "rows": 8}),
    )
    notice = forms.ChoiceField(
        label=gettext_lazy("What people are shown who answer so"),
        required=False,
        help_text=gettext_lazy("Without an archived notice a yes counts for nothing."),
    )

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        table = mapping()
        known = Notice.objects.defer("body").order_by("notice_id", "-archived_at", "language")
        self.fields["notice"].choices = [  # type: ignore[attr-defined]
            ("", _("None")),
            *((n.public_id, f"{n.notice_id} {n.version} ({n.language})") for n in known),
        ]
        self._notices = {n.public_id: n for n in known}
        if table:
            lines = (f"{r['kind']}, {r['category']}, {r['purpose']}" for r in table.rows)
            self.initial["rows"] = "\n".join(lines)
            self.initial["notice"] = table.notice.public_id if table.notice else ""

    def clean_rows(self) -> list[dict[str, str]]:
        """The lines as rows; what is not three words is said by its number."""
        found = []
        for number, line in enumerate(str(self.cleaned_data["rows"]).splitlines(), 1):
            words = [word.strip() for word in line.split(",")]
            if not any(words):
                continue
            if len(words) != LINE or not all(words):
                raise forms.ValidationError(
                    _("Line %(number)s is not: kind, category, purpose."),
                    params={"number": number},
                )
            found.append(dict(zip(("kind", "category", "purpose"), words, strict=True)))
        return found

    def chosen(self) -> Notice | None:
        """The notice that was chosen."""
        return self._notices.get(self.cleaned_data["notice"])


@page(Right.READ_CONSENTS)
def signals(request: PageRequest) -> HttpResponse:
    """The table in force, and for who may the form."""
    return _whole(request, SignalsForm())


@require_POST
@page(Right.WRITE_CONSENTS)
def save_signals(request: PageRequest) -> HttpResponse:
    """Put a new version of the table in force."""
    form = SignalsForm(request.POST)
    if form.is_valid():
        try:
            set_signals(rows=form.cleaned_data["rows"], notice=form.chosen(), actor=request.actor)
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The table is in force from the next signal on."))
            return redirect("dashboard:signals")
    return _whole(request, form, status=422)


def _whole(request: PageRequest, form: SignalsForm, status: int = 200) -> HttpResponse:
    table = mapping()
    context = {
        "form": form if Right.WRITE_CONSENTS in request.rights else None,
        "table": table,
        "rows": [
            (row["kind"], row["category"], PURPOSES.get(row["purpose"], row["purpose"]))
            for row in (table.rows if table else ())
        ],
        "kinds": sorted(READERS),
        "purposes": [
            (each.value, PURPOSES[each.value]) for each in Purpose if each != Purpose.MODEL_TRAINING
        ],
    }
    return render(request, "dashboard/signals.html", context, status=status)
