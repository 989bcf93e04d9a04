"""The chart of a tenant's API requests by day. Pure: numbers in, chart out."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from dashboard.charts.chart import COLOURS, QUIET, Chart, figure
from dashboard.templatetags.shown import day

HOVER = "%{x|%Y-%m-%d}: %{y:,}<extra></extra>"


def requests_per_day(
    days: Sequence[date], *, answered: Sequence[int], refused: Sequence[int]
) -> Chart:
    """`days` ascending without gaps; the counts of the same length. Refused: above a limit."""
    traces = [_bars(days, answered, COLOURS[0])]
    if any(refused):
        traces.append(_bars(days, refused, QUIET))
    return Chart(
        id="requests-per-day",
        figure=figure(
            traces,
            barmode="stack",
            xaxis={"type": "date", "tickformat": "%m-%d", "nticks": 8},
            yaxis={"tickformat": ",~r"},
        ),
        says=_("Requests per day from %(first)s to %(last)s.")
        % {"first": day(days[0]), "last": day(days[-1])},
        columns=(_("Day"), _("Answered"), _("Above a limit")),
        rows=[
            (day(each), f"{yes:,}", f"{no:,}")
            for each, yes, no in zip(days, answered, refused, strict=True)
        ],
    )


def _bars(days: Sequence[date], counts: Sequence[int], colour: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": [each.isoformat() for each in days],
        "y": list(counts),
        "marker": {"color": colour, "cornerradius": 2},
        "hovertemplate": HOVER,
    }
