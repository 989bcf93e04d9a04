"""`/usage/`: what the tenant used this month, how far its limits reach, and by which key."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboard.charts.chart import Chart
from dashboard.charts.requests import requests_per_day
from dashboard.templatetags.shown import duration, number
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.accounts.models import APIKey
from tenants.metering.meters import DEVICE, EVENTS, HELD, REFUSED, REQUESTS
from tenants.metering.models import Usage
from tenants.metering.queries import month_of, reserved, used
from tenants.metering.record import today
from tenants.metering.storage import stored_bytes

DAYS = 30
NEAR = 0.8


@dataclass(frozen=True)
class Line:
    """One limit: how much of it is used. `fraction` runs from 0 to 1."""

    label: str | Promise
    used: str
    limit: str
    fraction: float
    # Spoken for beyond what is used; "" where nothing is ever reserved.
    reserved: str = ""

    @property
    def near(self) -> bool:
        return self.fraction >= NEAR


@page(Right.READ_USAGE)
def usage(request: PageRequest) -> HttpResponse:
    """The month so far and the days before."""
    first, after = month_of(today())
    context = {
        "first": first,
        "last": after - timedelta(days=1),
        "plan": request.tenant.plan,
        "rate": f"{request.tenant.limits.requests_per_second:g}",
        "lines": _lines(request),
        "month": {meter: int(n) for meter, n in used([REQUESTS, REFUSED, HELD]).items()},
        "chart": _chart(),
        "by_key": _by_key(first),
    }
    return render(request, "dashboard/usage.html", context)


def _lines(request: PageRequest) -> list[Line]:
    amounts, limits = used([EVENTS, HELD, DEVICE]), request.tenant.limits
    events = int(amounts[EVENTS] + amounts[HELD])
    stored = stored_bytes(request.tenant.id)
    return [
        _line(_("Events this month, stored or held back"), events, limits.events_per_month, number),
        _line(_("Training time this month"), amounts[DEVICE], limits.device_seconds_per_month,
              duration, reserved(DEVICE)),
        _line(_("Files stored now"), stored, limits.storage_bytes, _size),
    ]  # fmt: skip


def _line(label: str | Promise, amount: float, limit: float, shown: Any, held: float = 0.0) -> Line:
    """`held` is reserved: it counts as if it were used."""
    fraction = min((amount + held) / limit, 1.0)
    said = str(shown(held)) if held else ""
    return Line(label, str(shown(amount)), str(shown(limit)), fraction, said)


def _size(amount: float) -> str:
    """Bytes in the unit in which they read best."""
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:,.0f} {unit}"
        amount /= 1024
    return f"{amount:,.1f} GiB"


def _chart() -> Chart | None:
    """Requests of the last days, answered and refused; None before the first."""
    start = today() - timedelta(days=DAYS - 1)
    rows = (
        Usage.objects.filter(day__gte=start, meter__in=(REQUESTS, REFUSED))
        .values_list("day", "meter")
        .annotate(total=Sum("amount"))
    )
    found: dict[tuple[date, str], float] = {(day, meter): total for day, meter, total in rows}
    if not found:
        return None
    days = [start + timedelta(days=index) for index in range(DAYS)]
    return requests_per_day(
        days,
        answered=[int(found.get((day, REQUESTS), 0)) for day in days],
        refused=[int(found.get((day, REFUSED), 0)) for day in days],
    )


def _by_key(first: date) -> list[dict[str, Any]]:
    """This month's requests of each key that asked, the busiest first."""
    rows = (
        Usage.objects.filter(day__gte=first, meter__in=(REQUESTS, REFUSED), key_id__isnull=False)
        .values_list("key_id", "meter")
        .annotate(total=Sum("amount"))
    )
    totals: dict[Any, dict[str, int]] = {}
    for key_id, meter, total in rows:
        totals.setdefault(key_id, {})[meter] = int(total)
    keys = APIKey.objects.in_bulk(list(totals))
    lines = [
        {"key": keys[key_id], "answered": each.get(REQUESTS, 0), "refused": each.get(REFUSED, 0)}
        for key_id, each in totals.items()
        if key_id in keys
    ]
    return sorted(lines, key=lambda line: -line["answered"])
