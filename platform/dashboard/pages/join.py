"""`/join/…/`: where an invitation leads. The link is the proof, so it never stands in a log line.

A link that is wrong, used, withdrawn or too old gives one page and one text.
"""

from typing import Any

from allauth.core import ratelimit
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard.context import ROLE_NAMES
from dashboard.forms import NewPasswordField, RefusableForm, check_new_password
from tenants.access.middleware import request_id_of
from tenants.access.pages import choose_tenant
from tenants.accounts.invitations import accept_invitation, find_invitation, join_as_new
from tenants.accounts.models import Person, Tenant
from tenants.accounts.queries import person_with
from tenants.accounts.sign_in import sign_in
from tenants.audit.actor import Actor
from tenants.errors import Conflict, NotFound

PAGE = "dashboard/join.html"


class PasswordForm(RefusableForm):
    """The password of somebody new, held to Django's validators."""

    password = NewPasswordField()

    def __init__(self, email: str, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.email = email

    def clean(self) -> None:
        check_new_password(self, self.email)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, link: str) -> HttpResponse:
    """Show the invitation; on POST accept it as who is signed in, or as somebody new."""
    found = find_invitation(link)
    if found is None:
        return _gone(request)
    invitation, tenant = found
    shown = {"invitation": invitation, "invites": tenant, "role": ROLE_NAMES[invitation.role]}
    try:
        return _meet(request, link, shown)
    except NotFound:
        return _gone(request)
    except Conflict as error:
        return render(request, PAGE, {**shown, "error": error}, status=error.status)


def _meet(request: HttpRequest, link: str, shown: dict[str, Any]) -> HttpResponse:
    """The page or act for who has come: signed in, known but not signed in, or new."""
    person = request.user
    if isinstance(person, Person):
        if request.method == "POST":
            return _accept(request, link, person, shown["invites"])
        return render(request, PAGE, shown)
    if person_with(shown["invitation"].email):
        return render(request, PAGE, {**shown, "known": True})
    return _join_as_new(request, link, shown)


def _accept(request: HttpRequest, link: str, person: Person, tenant: Tenant) -> HttpResponse:
    """The one button of somebody who is signed in already."""
    accept_invitation(link=link, person=person, actor=_actor(request, "session"))
    return _welcome(request, tenant)


def _join_as_new(request: HttpRequest, link: str, shown: dict[str, Any]) -> HttpResponse:
    invitation, tenant = shown["invitation"], shown["invites"]
    if request.method != "POST":
        form = PasswordForm(invitation.email)
        return render(request, PAGE, {**shown, "form": form})
    if not ratelimit.consume(request, action="login"):
        return render(request, "429.html", status=429)
    form = PasswordForm(invitation.email, request.POST)
    if not form.is_valid():
        return render(request, PAGE, {**shown, "form": form}, status=422)
    person = join_as_new(
        link=link, password=form.cleaned_data["password"], actor=_actor(request, "invitation")
    )
    sign_in(request, person)
    return _welcome(request, tenant)


def _welcome(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    choose_tenant(request, tenant.id)
    messages.success(request, _("Welcome to %(name)s.") % {"name": tenant.name})
    return redirect("dashboard:start")


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/join_gone.html", status=404)


def _actor(request: HttpRequest, auth: str) -> Actor:
    """Whoever comes; the services fill in which person it is."""
    return Actor(type="person", ref="", auth=auth, request_id=request_id_of(request))
