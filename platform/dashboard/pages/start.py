"""`/start/`: where a sign-in leads: the first page that the person's role may open."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from dashboard.context import PLACES
from tenants.access.rights import rights_in
from tenants.accounts.models import Person
from tenants.accounts.queries import memberships_of


@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Go on to that page; without a membership the overview says what is missing."""
    person = request.user
    own = memberships_of(person) if isinstance(person, Person) else []
    rights = rights_in(own[0][1], own[0][0].role) if own else frozenset()
    place = next((place for place in PLACES if place.right in rights), PLACES[0])
    return redirect(f"dashboard:{place.view}")
