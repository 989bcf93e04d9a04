"""`/data/quality/`: what came when, how full the data are, how they changed, and what to do."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard import quality as figures
from dashboard.charts.chart import Chart
from dashboard.charts.quality import arrivals as arrivals_chart
from dashboard.concerns import Found, concerns
from dashboard.drift import Cell, Drift
from dashboard.small_groups import hidden, part_of
from dashboard.wording.states import Badge, act_name
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.behaviour.models import Event
from tenants.behaviour.types.event_types import event_types

TYPES_DRAWN = 5
SHARES_SHOWN = 5
ALIKE = Badge(gettext_lazy("As before"), "good")
MOVED = Badge(gettext_lazy("Changed"), "warn")
TOO_FEW = Badge(gettext_lazy("Too few people"), "neutral")
KNOWN_OF_ITEMS = {
    "title": gettext_lazy("Title"),
    "text": gettext_lazy("Text"),
    "category": gettext_lazy("Category"),
    "price": gettext_lazy("Price"),
}
COMING = {"new": gettext_lazy("New people"), "returning": gettext_lazy("People who came before")}


@dataclass(frozen=True)
class Line:
    """One comparison with the month before."""

    label: str | Promise
    drift: Drift | None
    badge: Badge
    shares: list[tuple[str, float, float]]


@page(Right.READ_EVENTS)
def quality(request: PageRequest) -> HttpResponse:
    """The figures of now; nothing of them is kept."""
    step = request.GET.get("by", "")
    step = step if step in figures.SPANS else "day"
    last = figures.latest()
    context: dict[str, Any] = {
        "step": step,
        "last": last,
        "has_events": last or Event.objects.exists(),
    }
    if last is not None:
        density, changes = figures.measure(last)
        found = Found(last, now(), density, changes, figures.catalogue(), figures.freshness())
        context |= {
            "found": found,
            "concerns": concerns(found),
            "chart": _chart(figures.arrivals(last, step)),
            "lines": _lines(changes),
            "completeness": _completeness(found.catalogue),
            "small": hidden(density.people),
            "slight": part_of(density.slight, density.people),
            "blank_share": _share(changes.blank),
        }
    return render(request, "dashboard/quality.html", context)


def _chart(came: figures.Arrivals) -> Chart:
    """The types with the most acts, each by itself, and the others as one."""
    ordered = sorted(came.types, key=lambda kind: -sum(cell.acts for cell in came.types[kind]))
    kinds = {_name(kind): came.types[kind] for kind in ordered[:TYPES_DRAWN]}
    rest = [came.types[kind] for kind in ordered[TYPES_DRAWN:]]
    if rest:
        kinds[_("Others")] = [_together(cells) for cells in zip(*rest, strict=True)]
    columns = [shown(cells) for cells in zip(*kinds.values(), strict=True)]
    counts = {name: [column[row] for column in columns] for row, name in enumerate(kinds)}
    return arrivals_chart(came.starts, counts, came.step)


def shown(cells: tuple[Cell, ...]) -> list[int | None]:
    """The acts of each type on one day, None for a small group. Where that is one type alone, the
    next smallest is hidden with it: the whole of the day stands on the overview."""
    counts = [None if hidden(cell.people) else cell.acts for cell in cells]
    others = [row for row, count in enumerate(counts) if count]
    if counts.count(None) == 1 and others:
        counts[min(others, key=lambda row: cells[row].acts)] = None
    return counts


def _together(cells: tuple[Cell, ...]) -> Cell:
    """Several types as one: as few people as the fewest, for some may be in all of them."""
    people = [cell.people for cell in cells if cell.people]
    return Cell(sum(cell.acts for cell in cells), min(people, default=0))


def _share(told: tuple[int, int] | None) -> float:
    return told[0] / told[1] if told and told[1] else 0.0


def _lines(changes: figures.Changes) -> list[Line]:
    return [
        _line(_("Kinds of acts"), changes.types, _name),
        _line(_("Categories of items"), changes.categories, lambda name: str(name) or _("None")),
        _line(_("New people"), changes.newcomers, lambda name: str(COMING[str(name)])),
    ]


def _line(label: str, drift: Drift | None, named: Callable[[Hashable], str]) -> Line:
    if drift is None:
        return Line(label, None, TOO_FEW, [])
    shares = [(named(one.name), one.now, one.before) for one in drift.shares[:SHARES_SHOWN]]
    return Line(label, drift, MOVED if drift.notable else ALIKE, shares)


def _name(kind: Hashable) -> str:
    """An event type, by its stored code, in words."""
    code = int(str(kind))
    return str(act_name(event_types([code]).by_code[code]))


def _completeness(stock: figures.Catalogue) -> list[tuple[str | Promise, int, float]]:
    """What is known of the items: how many have it, and their share."""
    whole = max(stock.items, 1)
    return [
        (label, stock.has[name], stock.has[name] / whole) for name, label in KNOWN_OF_ITEMS.items()
    ]
