"""Charts of activity: events per day and active subjects per week. Pure: numbers in, chart out.

A None among the values is a number about fewer than ten subjects: a gap in the drawing and
"<10" in the table.
"""

from collections.abc import Sequence
from datetime import date

from django.utils.translation import gettext as _

from dashboard.charts.chart import COLOURS, Chart, figure
from dashboard.small_groups import SMALLEST
from dashboard.templatetags.shown import day

# Digits alone read the same in both languages; plotly's month names would be English.
DAY_FORMAT = "%m-%d"
HOVER = "%{x|%Y-%m-%d}: %{y:,}<extra></extra>"


def events_per_day(days: Sequence[date], counts: Sequence[int | None]) -> Chart:
    """`days` ascending without gaps; `counts` of the same length."""
    return _bars(
        "events-per-day",
        days,
        counts,
        says=_("Events per day from %(first)s to %(last)s."),
        columns=(_("Day"), _("Events")),
    )


def active_subjects_per_week(mondays: Sequence[date], counts: Sequence[int | None]) -> Chart:
    """`mondays` ascending without gaps; `counts` are distinct subjects in the week from there."""
    return _bars(
        "active-subjects",
        mondays,
        counts,
        says=_("Active people per week from %(first)s to %(last)s."),
        columns=(_("Week from"), _("People")),
    )


def _bars(
    name: str,
    days: Sequence[date],
    counts: Sequence[int | None],
    *,
    says: str,
    columns: tuple[str, str],
) -> Chart:
    trace = {
        "type": "bar",
        "x": [each.isoformat() for each in days],
        "y": list(counts),
        "marker": {"color": COLOURS[0], "cornerradius": 2},
        "hovertemplate": HOVER,
    }
    axis = {"type": "date", "tickformat": DAY_FORMAT, "nticks": 8}
    return Chart(
        id=name,
        figure=figure([trace], xaxis=axis, yaxis={"tickformat": ",~r"}),
        says=says % {"first": day(days[0]), "last": day(days[-1])},
        columns=columns,
        rows=[(day(each), _cell(count)) for each, count in zip(days, counts, strict=True)],
    )


def _cell(count: int | None) -> str:
    return f"<{SMALLEST}" if count is None else f"{count:,}"
