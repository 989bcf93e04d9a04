"""`/design/`: every component with sample content, so that pages are made of the same parts.

Samples are placeholders and say so; no figure here is about anything real.
"""

from datetime import date, timedelta

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from dashboard.charts.chart import Chart
from dashboard.charts.comparison import Bar, sources
from dashboard.charts.curves import Series, curves
from dashboard.charts.over_time import events_per_day
from dashboard.forms import RefusableForm
from dashboard.wording.states import Badge
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right

COLOUR_TOKENS = (
    "ground", "surface", "sunk", "line", "edge", "ink", "soft", "faint", "accent", "accent-wash",
    "good", "warn", "bad", "info", "chart-1", "chart-2", "chart-3", "chart-4", "chart-5", "chart-6",
)  # fmt: skip
TONES = (
    Badge(_("Neutral"), "neutral"),
    Badge(_("Good"), "good"),
    Badge(_("Attention"), "warn"),
    Badge(_("Failed"), "bad"),
    Badge(_("Running"), "info", busy=True),
    Badge(_("Serving"), "accent"),
)
SAMPLE_DAYS = 28


class SampleForm(RefusableForm):
    """One field of each sort, one of them wrong."""

    name = forms.CharField(label=_("Name"), help_text=_("A word that you will know again."))
    kind = forms.ChoiceField(label=_("Kind"), choices=[("a", _("First")), ("b", _("Second"))])
    note = forms.CharField(
        label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


@page(Right.READ_OVERVIEW)
def design(request: PageRequest) -> HttpResponse:
    """The sample page."""
    form = SampleForm({"kind": "a"})
    form.full_clean()
    return render(
        request,
        "dashboard/design.html",
        {
            "colours": COLOUR_TOKENS,
            "tones": TONES,
            "form": form,
            "bars": _sample_bars(),
            "lines": _sample_lines(),
            "ranking": _sample_ranking(),
        },
    )


def _sample_bars() -> Chart:
    start = date(2000, 1, 3)
    days = [start + timedelta(days=index) for index in range(SAMPLE_DAYS)]
    return events_per_day(days, [(index % 7 + 1) * 100 for index in range(SAMPLE_DAYS)])


def _sample_lines() -> Chart:
    steps = range(0, 100, 2)
    return curves(
        "sample-curves",
        [
            Series("A", [(step, 1 / (1 + step / 20)) for step in steps]),
            Series("B", [(step, 1 / (1 + step / 30) + 0.1) for step in steps]),
        ],
        measure=str(_("Sample")),
    )


def _sample_ranking() -> Chart:
    bars = [Bar("A", 0.3, True), Bar("B", 0.2, False), Bar("C", 0.1, False)]
    return sources(bars, measure=str(_("Sample")))
