"""Charts of how far consent reaches. Pure: parts in, chart out; what is hidden is a gap."""

from collections.abc import Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from dashboard.charts.chart import COLOURS, Chart, figure
from dashboard.small_groups import Part, part_of
from dashboard.templatetags.shown import day
from dashboard.wording.states import PURPOSES
from tenants.consent.models import CoverageDay


def funnel(labels: Sequence[str | Promise], parts: Sequence[Part]) -> Chart:
    """One bar for each step, as a share of the people who are known."""
    names = [str(label) for label in labels]
    shares = [None if part.fraction is None else round(part.fraction * 100, 1) for part in parts]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": shares[::-1],
        "y": names[::-1],
        "marker": {"color": COLOURS[0], "cornerradius": 2},
        "hovertemplate": "%{y}: %{x} %<extra></extra>",
    }
    return Chart(
        id="consent-funnel",
        figure=figure([trace], xaxis={"range": [0, 100], "ticksuffix": " %"}, yaxis={}),
        says=_("Share of the known people whose data may be used, by purpose."),
        columns=(_("Step"), _("People"), _("Share")),
        rows=[
            (name, part.text, "–" if share is None else f"{share} %")
            for name, part, share in zip(names, parts, shares, strict=True)
        ],
    )


def over_time(days: Sequence[CoverageDay]) -> Chart:
    """One line for each purpose that was used on any of the days."""
    purposes = [name for name in PURPOSES if any(name in one.usable for one in days)]
    traces: list[dict[str, Any]] = []
    table: list[list[str]] = [[day(one.day)] for one in days]
    for number, name in enumerate(purposes):
        parts = [part_of(one.usable.get(name, 0), one.known) for one in days]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": str(PURPOSES[name]),
                "x": [one.day.isoformat() for one in days],
                "y": [None if p.fraction is None else round(p.fraction * 100, 1) for p in parts],
                "line": {"color": COLOURS[number % len(COLOURS)]},
                "hovertemplate": "%{x|%Y-%m-%d}: %{y} %<extra></extra>",
            }
        )
        for row, part in zip(table, parts, strict=True):
            row.append(part.text)
    return Chart(
        id="consent-over-time",
        figure=figure(
            traces,
            xaxis={"type": "date", "tickformat": "%m-%d", "nticks": 8},
            yaxis={"ticksuffix": " %"},
        ),
        says=_("Share of the known people whose data may be used, day by day."),
        columns=(_("Day"), *(str(PURPOSES[name]) for name in purposes)),
        rows=table,
        key=[(number % 6 + 1, str(PURPOSES[name])) for number, name in enumerate(purposes)],
    )
