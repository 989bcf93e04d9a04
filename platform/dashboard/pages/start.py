"""`/start/`: where a sign-in leads: the first page that the person's role may open."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from dashboard.context import PLACES
from tenants.access.pages import chosen_membership
from tenants.access.rights import rights_in


@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Go on to that page; without a membership the overview says what is missing."""
    chosen = chosen_membership(request)
    rights = rights_in(chosen[1], chosen[0].role) if chosen else frozenset()
    place = next((place for place in PLACES if place.right in rights), PLACES[0])
    return redirect(f"dashboard:{place.view}")
