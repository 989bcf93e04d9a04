"""Reading accounts: the check of a key, the memberships of a person."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from tenants.accounts.models import Member, Person, Tenant
from tenants.accounts.plans import Plan, limits_of
from tenants.accounts.tokens import Token
from tenants.isolation.scope import person_scope, scope_opened_by, sign_in_scope, tenant_scope

VALID = "select key_id, facts from account_valid_key(%s, %s)"
ENTER = "select key_id, facts from account_enter(%s, %s)"


@dataclass(frozen=True)
class FoundKey:
    """A key that is valid at this moment, and the limits of its tenant."""

    id: UUID
    tenant_id: UUID
    kind: str
    scopes: tuple[str, ...]
    origins: tuple[str, ...]
    # The key's own rate, narrower than its tenant's; None when it has none.
    requests_per_second: float | None
    limits: Plan


def found_key(token: Token, key_id: UUID, facts: str) -> FoundKey:
    """What the database tells of a valid key; `facts` is the JSON of `account_enter`."""
    known: dict[str, Any] = json.loads(facts)
    return FoundKey(
        id=key_id,
        tenant_id=token.tenant_id,
        kind=known["kind"],
        scopes=tuple(known["scopes"]),
        origins=tuple(known["origins"]),
        requests_per_second=known["requests_per_second"],
        limits=limits_of(known["plan"], known["granted"]),
    )


def find_key(token: Token) -> FoundKey | None:
    """The valid key behind `token`, or None; one round trip, its own scope, never cached."""
    return _ask(VALID, token)


@contextmanager
def key_scope(token: Token) -> Iterator[FoundKey | None]:
    """The key's tenant's scope, opened by the question for the key itself; None: no valid key.

    One statement asks and enters, which spares every request a round trip.
    """
    found: list[FoundKey | None] = []

    def opening() -> UUID | None:
        found.append(_ask(ENTER, token))
        return token.tenant_id if found[0] else None

    with scope_opened_by(opening):
        yield found[0]


def _ask(statement: str, token: Token) -> FoundKey | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [token.tenant_id, token.hash])
        row = cursor.fetchone()
    return found_key(token, *row) if row else None


def person_with(email: str) -> Person | None:
    """The person who signs in with this address; needs no scope."""
    with sign_in_scope(email):
        return Person.objects.filter(email=email.strip().lower()).first()


def members_of_tenant() -> list[Member]:
    """The members of the tenant in scope with their persons, the oldest first."""
    found = Member.objects.select_related("person").defer("person__password")
    return list(found.order_by("created_at", "id"))


def memberships_of(person: Person) -> list[tuple[Member, Tenant]]:
    """A person's places, oldest first, those that are suspended last; needs no tenant scope.

    A test tenant follows its live one, whose members it shares, while it works. What is being
    deleted is nobody's place any more.
    """
    with person_scope(person.id):
        members = list(Member.objects.filter(person=person).order_by("created_at"))
        tenants = list(Tenant.objects.exclude(suspended_for=Tenant.CLOSED).order_by("created_at"))
    own = {tenant.id: tenant for tenant in tenants}
    tests = {tenant.live_id: tenant for tenant in tenants if tenant.live_id and not tenant.resting}
    places = [
        (member, tenant)
        for member in members
        if member.tenant_id in own
        for tenant in (own[member.tenant_id], tests.get(member.tenant_id))
        if tenant and not (tenant.live_id and own[member.tenant_id].resting)
    ]
    return sorted(places, key=lambda place: bool(place[1].resting))


def may_work(tenant_id: UUID) -> bool:
    """Whether queued work of the tenant is done now: not while it is suspended."""
    with tenant_scope(tenant_id):
        return not Tenant.objects.filter(pk=tenant_id, suspended_at__isnull=False).exists()


def share_of(tenant_id: UUID) -> tuple[float, int]:
    """What the tenant weighs among those who want a device, and how many it may hold at once."""
    with tenant_scope(tenant_id):
        limits = Tenant.objects.get(pk=tenant_id).limits
    return limits.weight, limits.jobs_running
