"""The curve of told probabilities beside what came true. Pure: numbers in, chart out."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from dashboard.charts.chart import COLOURS, QUIET, Chart, figure


def reliability(curve: Sequence[tuple[float, float, int]]) -> Chart:
    """Share that came true over the probability that was told, in bins; on the dotted line lies
    what comes true as often as was told. curve: (told, came true, recommendations), shares of 1."""
    most = 1.05 * max(max(told, true) for told, true, _pairs in curve)
    exact = {
        "type": "scatter",
        "mode": "lines",
        "x": [0.0, most],
        "y": [0.0, most],
        "line": {"color": QUIET, "width": 1, "dash": "dot"},
        "hoverinfo": "skip",
    }
    points = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [told for told, _true, _pairs in curve],
        "y": [true for _told, true, _pairs in curve],
        "line": {"color": COLOURS[0], "width": 2},
        "hovertemplate": "%{y:.1%}<extra></extra>",
    }
    rows = [(f"{told:.2%}", f"{true:.2%}", f"{pairs:,}") for told, true, pairs in curve]
    return Chart(
        id="reliability",
        figure=figure(
            [exact, points],
            xaxis={"title": {"text": _("Told")}, "tickformat": ".2~%", "nticks": 6},
            yaxis={"title": {"text": _("Came true")}, "tickformat": ".2~%"},
        ),
        says=_("Told and came true, in bins: %(list)s.")
        % {"list": ", ".join(f"{told}: {true}" for told, true, _pairs in rows)},
        columns=(_("Told"), _("Came true"), _("Recommendations")),
        rows=rows,
    )
