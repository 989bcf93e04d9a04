"""The curves of one training run: a value per step and series. Pure: numbers in, chart out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from dashboard.charts.chart import COLOURS, Chart, figure

# A drawing has no use for more points than it has pixels.
MOST_POINTS = 600


@dataclass(frozen=True)
class Series:
    """One curve: name in words, points as (step, value) with steps ascending, number of colour."""

    name: str
    points: Sequence[tuple[int, float]]
    colour: int = 1


def curves(name: str, lines: Sequence[Series], *, measure: str, from_zero: bool = False) -> Chart:
    """One line per series over the steps; `name` is the chart's id on the page."""
    thinned = [replace(line, points=thin(line.points)) for line in lines]
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers" if len(line.points) < 30 else "lines",
            "name": line.name,
            "x": [step for step, _value in line.points],
            "y": [value for _step, value in line.points],
            "line": {"color": COLOURS[line.colour - 1], "width": 2},
            "hovertemplate": "%{y:.4f}",
        }
        for line in thinned
    ]
    return Chart(
        id=name,
        figure=figure(
            traces,
            hovermode="x unified",
            hoverlabel={
                "bgcolor": "var(--surface)",
                "bordercolor": "var(--line)",
                "font": {"color": "var(--ink)"},
            },
            xaxis={"title": {"text": _("Step")}, "tickformat": ",~r", "nticks": 8},
            yaxis={"rangemode": "tozero" if from_zero else "normal"},
        ),
        says=_("%(measure)s over the steps of the run; last values: %(list)s.")
        % {
            "measure": measure,
            "list": ", ".join(f"{line.name} {line.points[-1][1]:.4f}" for line in thinned),
        },
        columns=(_("Series"), _("Step"), measure),
        rows=[
            (line.name, f"{step:,}", f"{value:.4f}")
            for line in thinned
            for step, value in thin(line.points, 20)
        ],
        key=[(line.colour, line.name) for line in thinned],
    )


def thin(points: Sequence[tuple[int, float]], most: int = MOST_POINTS) -> list[tuple[int, float]]:
    """At most `most` of the points, evenly spaced; the first and the last are always kept."""
    if len(points) <= most:
        return list(points)
    last = len(points) - 1
    return [points[round(index * last / (most - 1))] for index in range(most)]
