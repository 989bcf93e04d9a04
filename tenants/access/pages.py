"""The base of every dashboard page: session -> membership -> tenant scope -> right."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from tenants.access.denials import DENIALS, denial_details
from tenants.access.middleware import request_id_of
from tenants.access.rights import Right, rights_in
from tenants.accounts.models import Member, Person, Tenant
from tenants.accounts.queries import memberships_of
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError, Denied
from tenants.isolation.scope import tenant_scope

CHOSEN = "tenant_id"
P = ParamSpec("P")


class PageRequest(HttpRequest):
    """What a page may rely on once `@page` has let it in."""

    user: Person
    actor: Actor
    member: Member
    tenant: Tenant
    tenants: list[Tenant]
    rights: frozenset[Right]
    htmx: object


Page = Callable[Concatenate[PageRequest, P], HttpResponseBase]


def page(
    right: Right,
) -> Callable[[Page[P]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]]:
    """Let in a member who has `right`, inside the tenant's scope and in its time zone."""

    def decorate(view: Page[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def enter(request: PageRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            chosen = chosen_membership(request)
            if chosen is None:
                return render(request, "access/no_tenant.html", status=403)
            _fill(request, *chosen)
            with timezone.override(ZoneInfo(request.tenant.timezone)):
                if right not in request.rights:
                    return _rest(request) if request.tenant.resting else _deny(request, right)
                return _run(view, request, *args, **kwargs)

        enter.right = right  # type: ignore[attr-defined]
        return login_required(enter)  # type: ignore[return-value]

    return decorate


def choose_tenant(request: HttpRequest, tenant_id: UUID) -> None:
    """Remember which of their tenants a member looks at; it is checked at each request."""
    request.session[CHOSEN] = str(tenant_id)


def chosen_membership(request: HttpRequest) -> tuple[Member, Tenant] | None:
    """The chosen membership, or the first one; None when there is none.

    All of the person's tenants stand in `request.tenants` afterwards.
    """
    own = memberships_of(request.user) if isinstance(request.user, Person) else []
    request.tenants = [tenant for _, tenant in own]  # type: ignore[attr-defined]
    wanted = request.session.get(CHOSEN)
    return next((m for m in own if str(m[1].id) == wanted), own[0] if own else None)


def _fill(request: PageRequest, member: Member, tenant: Tenant) -> None:
    request.member, request.tenant = member, tenant
    request.rights = rights_in(tenant, member.role)
    request.actor = Actor(
        type="member",
        ref=member.public_id,
        role=member.role,
        auth="session",
        request_id=request_id_of(request),
    )


def _run(
    view: Page[P], request: PageRequest, *args: P.args, **kwargs: P.kwargs
) -> HttpResponseBase:
    """The page inside its scope; a refusal rolls back and is worded on a page of its own."""
    try:
        with tenant_scope(request.tenant.id):
            return view(request, *args, **kwargs)
    except AppError as error:
        with tenant_scope(request.tenant.id):
            if isinstance(error, Denied):
                _record_denial(request, error.code)
            return render(request, "access/refused.html", {"error": error}, status=error.status)


def _rest(request: PageRequest) -> HttpResponse:
    """A suspended tenant: its owner is led to where the end can be taken back, others are told."""
    if request.method == "GET" and Right.MANAGE_TENANT in request.rights:
        return redirect("dashboard:settings")
    return render(request, "access/resting.html", status=403)


def _deny(request: PageRequest, right: Right) -> HttpResponse:
    with tenant_scope(request.tenant.id):
        _record_denial(request, "right_missing", right=right.value)
    return render(request, "access/denied.html", {"right": right.value}, status=403)


def _record_denial(request: PageRequest, reason: str, **details: str) -> None:
    route = request.resolver_match.route if request.resolver_match else ""
    who = (request.actor.ref, str(request.tenant.id))
    times = DENIALS.times(*who, reason, route, str(request.method))
    if times:
        record(
            AuditEvent.ACCESS_DENIED,
            actor=request.actor,
            object_id=route,
            outcome="denied",
            reason=reason,
            details=denial_details(request, times, **details),
        )
