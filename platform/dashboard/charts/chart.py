"""What every chart is made of: one plotly template, one frame with a text and a table beside it.

Colours are names of the stylesheet's tokens; the browser fills them in, for light and for dark.
Plain dictionaries in plotly's JSON form: importing plotly itself costs a second per process.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Trace = dict[str, Any]

COLOURS = tuple(f"var(--chart-{number})" for number in range(1, 7))
QUIET = "var(--chart-quiet)"

_AXIS: dict[str, Any] = {
    "automargin": True,
    "gridcolor": "var(--line)",
    "linecolor": "var(--line)",
    "zeroline": False,
    "tickfont": {"color": "var(--faint)", "size": 12},
    "title": {"font": {"color": "var(--faint)", "size": 12}, "standoff": 8},
}

TEMPLATE: dict[str, Any] = {
    "layout": {
        "font": {"family": "var(--sans)", "size": 13, "color": "var(--ink)"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": list(COLOURS),
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "showlegend": False,
        "dragmode": False,
        "bargap": 0.25,
        "hoverlabel": {
            "bgcolor": "var(--ink)",
            "bordercolor": "var(--ink)",
            "font": {"color": "var(--surface)", "family": "var(--sans)", "size": 13},
        },
        "xaxis": {**_AXIS, "showgrid": False, "fixedrange": True},
        "yaxis": {**_AXIS, "fixedrange": True, "rangemode": "tozero", "nticks": 5},
    }
}


@dataclass(frozen=True)
class Chart:
    """A figure with what a reader has who cannot see it: `says` in words, `rows` in numbers.

    `key` lists (colour number, name) where more than one colour has a meaning.
    """

    id: str
    figure: dict[str, Any]
    says: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    key: Sequence[tuple[int, str]] = field(default=())
    size: str = ""


def figure(traces: Sequence[Trace], **layout: Any) -> dict[str, Any]:
    """Traces and layout in plotly's JSON form, on our template."""
    return {"data": list(traces), "layout": {"template": TEMPLATE, **layout}}
