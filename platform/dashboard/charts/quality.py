"""The chart of what came when, stacked by event type. Pure: numbers in, chart out."""

from collections.abc import Mapping, Sequence
from datetime import date

from django.utils.translation import gettext as _

from dashboard.charts.chart import COLOURS, Chart, figure
from dashboard.small_groups import SMALLEST
from dashboard.templatetags.shown import day

HOVER = "%{x|%Y-%m-%d}: %{y:,}"


def arrivals(starts: Sequence[date], kinds: Mapping[str, Sequence[int | None]], step: str) -> Chart:
    """`starts` ascending without gaps; per kind a count at each, None where it is hidden."""
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": [start.isoformat() for start in starts],
            "y": list(counts),
            "marker": {"color": COLOURS[number % len(COLOURS)]},
            "hovertemplate": f"{HOVER}<extra>%{{fullData.name}}</extra>",
        }
        for number, (name, counts) in enumerate(kinds.items())
    ]
    return Chart(
        id="arrivals",
        figure=figure(
            traces,
            barmode="stack",
            xaxis={"type": "date", "tickformat": "%m-%d", "nticks": 8},
            yaxis={"tickformat": ",~r"},
        ),
        says=_("Events by type from %(first)s to %(last)s.")
        % {"first": day(starts[0]), "last": day(starts[-1])},
        columns=(_("Week from") if step == "week" else _("Day"), *kinds),
        rows=[
            (day(start), *(_cell(counts[row]) for counts in kinds.values()))
            for row, start in enumerate(starts)
        ],
        key=[(number % len(COLOURS) + 1, name) for number, name in enumerate(kinds)],
    )


def _cell(count: int | None) -> str:
    return f"<{SMALLEST}" if count is None else f"{count:,}"
