"""`/fleet/`: what the installation trains on, what is free, and when one's own jobs will start.

Another tenant's job is a taken slot and nothing more: no name, no owner, no time of its own.
"""

from django.http import HttpResponse
from django.shortcuts import render

from dashboard.wording.states import DEVICE_FREE, DEVICE_FULL, DEVICE_MISSED, Badge
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from training.jobs.fleet import Place
from training.jobs.fleet import fleet as fleet_now


@page(Right.READ_MODELS)
def fleet(request: PageRequest) -> HttpResponse:
    """The page, or its live part when htmx asks for news."""
    found = fleet_now()
    context = {
        "fleet": found,
        "places": [(place, _badge(place), range(place.others)) for place in found.places],
    }
    name = "dashboard/_fleet.html" if request.htmx else "dashboard/fleet.html"
    return render(request, name, context)


def _badge(place: Place) -> Badge:
    if place.missed:
        return DEVICE_MISSED
    return DEVICE_FREE if place.free else DEVICE_FULL
