"""How signing in differs from allauth's defaults: nobody signs up by themselves, and every
sign-in, granted or refused, stands in the log of each tenant that the person belongs to.
"""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from tenants.accounts.models import Member, Person
from tenants.accounts.queries import memberships_of
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.isolation.scope import tenant_scope


class InvitedOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Members are added by an owner; a stranger cannot make an account."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: Person) -> None:
        super().login(request, user)
        for member, _ in memberships_of(user):
            _record(AuditEvent.SIGNED_IN, member, _member(member, request))

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Who tried is not known, only for whom. allauth limits how often anybody can."""
        person = Person.objects.filter(email=str(credentials.get("email", "")).lower()).first()
        for member, _ in memberships_of(person) if person else ():
            stranger = Actor(type="person", ref="", auth="password", request_id=_id_of(request))
            _record(AuditEvent.SIGN_IN_REFUSED, member, stranger, outcome="denied")


def _member(member: Member, request: HttpRequest) -> Actor:
    return Actor("member", member.public_id, member.role, "password", _id_of(request))


def _id_of(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", ""))


def _record(event: AuditEvent, member: Member, actor: Actor, outcome: str = "success") -> None:
    with tenant_scope(member.tenant_id):
        record(event, actor=actor, object_id=member.public_id, outcome=outcome)
