"""The chart that sets every score source beside the others. Pure: numbers in, chart out."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from dashboard.charts.chart import COLOURS, QUIET, Chart, figure


@dataclass(frozen=True)
class Bar:
    """One source: its name in words, its figure (0..1), and whether it is the one that serves."""

    name: str
    value: float
    serves: bool


def sources(bars: Sequence[Bar], *, measure: str) -> Chart:
    """Horizontal bars, best on top; the one that serves has the accent."""
    ordered = sorted(bars, key=lambda bar: bar.value)
    top = max((bar.value for bar in bars), default=0.0)
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [bar.value for bar in ordered],
        "y": [bar.name for bar in ordered],
        "text": [f"{bar.value:.4f}" for bar in ordered],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {
            "color": [COLOURS[0] if bar.serves else QUIET for bar in ordered],
            "cornerradius": 3,
        },
        "hoverinfo": "skip",
    }
    return Chart(
        id="sources",
        figure=figure(
            [trace],
            # Room for the figure written behind the longest bar.
            margin={"l": 8, "r": 56, "t": 8, "b": 8},
            xaxis={"range": [0, top or 1], "showticklabels": False, "ticks": ""},
            yaxis={"ticks": "", "showgrid": False, "ticklabelstandoff": 8, "nticks": 0},
        ),
        says=_("%(measure)s of every score source, best first: %(list)s.")
        % {
            "measure": measure,
            "list": ", ".join(f"{bar.name} {bar.value:.4f}" for bar in reversed(ordered)),
        },
        columns=(_("Score source"), measure),
        rows=[(bar.name, f"{bar.value:.4f}") for bar in reversed(ordered)],
        size="chart-tall" if len(bars) > 7 else "",
    )
