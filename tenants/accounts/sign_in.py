"""How signing in differs from the defaults: a person is read in a scope of their own, nobody
signs up by allauth's page, and every sign-in, granted or refused, stands in the log of each
tenant that the person belongs to.
"""

from typing import Any
from uuid import UUID

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from tenants.accounts.models import Member, Person
from tenants.accounts.queries import memberships_of, person_with
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.isolation.scope import person_scope, sign_in_scope, tenant_scope


class PersonBackend(ModelBackend):
    """Django's own, which spends the same hash on an unknown address as on a known one."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> Person | None:
        """The person with this address and password; None otherwise."""
        email = str(credentials.get("email") or username or "").strip().lower()
        with sign_in_scope(email):
            found = super().authenticate(request, username=email, password=password)
        return found if isinstance(found, Person) else None

    def get_user(self, user_id: UUID) -> Person | None:
        """The person of a session."""
        with person_scope(user_id):
            found = super().get_user(user_id)
        return found if isinstance(found, Person) else None


class PersonAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's acts on a person, each in the person's scope."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: Person) -> None:
        with person_scope(user.pk):  # Django notes the moment on the person
            super().login(request, user)
        for member, _ in memberships_of(user):
            _record(AuditEvent.SIGNED_IN, member, _member(member, request))

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Who tried is not known, only for whom. allauth limits how often anybody can.

        Written before the answer, so that no refusal is lost; that takes some milliseconds more
        than an unknown address does (docs/security.md).
        """
        person = person_with(str(credentials.get("email", "")))
        for member, _ in memberships_of(person) if person else ():
            stranger = Actor(type="person", ref="", auth="password", request_id=_id_of(request))
            _record(AuditEvent.SIGN_IN_REFUSED, member, stranger, outcome="denied")


def sign_in(request: HttpRequest, person: Person) -> None:
    """Sign somebody in who has just set their password, as a sign-in by password would."""
    PersonAdapter(request).login(request, person)


def _member(member: Member, request: HttpRequest) -> Actor:
    return Actor("member", member.public_id, member.role, "password", _id_of(request))


def _id_of(request: HttpRequest) -> str:
    return str(getattr(request, "request_id", ""))


def _record(event: AuditEvent, member: Member, actor: Actor, outcome: str = "success") -> None:
    with tenant_scope(member.tenant_id):
        record(event, actor=actor, object_id=member.public_id, outcome=outcome)
