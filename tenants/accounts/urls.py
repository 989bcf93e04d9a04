"""Those of allauth's pages that are used, each in the scope of the person whom it is about.

What is not listed does not exist: management and confirmation of e-mail addresses, codes, and
allauth's sign-up, which knows no tenant.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any
from uuid import UUID

from allauth.account import views
from django.http import HttpRequest, HttpResponseBase
from django.urls import path, re_path

from tenants.isolation.scope import person_scope, sign_in_scope

View = Callable[..., HttpResponseBase]
Scope = AbstractContextManager[None]


def own(request: HttpRequest) -> Scope:
    """The scope of the person who is signed in."""
    pk = request.user.pk
    return person_scope(pk) if pk else nullcontext()


def addressed(request: HttpRequest) -> Scope:
    """The scope of the address that was sent."""
    return sign_in_scope(request.POST.get("email", "").replace("\0", ""))


def named(request: HttpRequest, uidb36: str, **rest: Any) -> Scope:
    """The scope of the person whom a link to a new password names; the link's key is checked."""
    try:
        return person_scope(UUID(uidb36))
    except ValueError:
        return sign_in_scope("")


def within(scope: Callable[..., Scope], view: View) -> View:
    """The view inside the scope that the request asks for."""

    @wraps(view)
    def enter(request: HttpRequest, **given: Any) -> HttpResponseBase:
        with scope(request, **given):
            return view(request, **given)

    return enter


urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", within(own, views.reauthenticate), name="account_reauthenticate"),
    path("password/change/", within(own, views.password_change), name="account_change_password"),
    path("password/reset/", within(addressed, views.password_reset), name="account_reset_password"),
    path("password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        within(named, views.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]
