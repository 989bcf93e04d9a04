"""Reading accounts: the check of a key, the memberships of a person."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from tenants.accounts.models import Member, Person, Tenant
from tenants.accounts.tokens import Token
from tenants.isolation.scope import person_scope


@dataclass(frozen=True)
class FoundKey:
    """A key that is valid at this moment."""

    id: UUID
    tenant_id: UUID
    scopes: tuple[str, ...]


def find_key(token: Token) -> FoundKey | None:
    """The valid key behind `token`, or None; one round trip, its own scope, never cached."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select key_id, key_scopes from account_valid_key(%s, %s)",
            [token.tenant_id, token.hash],
        )
        row = cursor.fetchone()
    return FoundKey(row[0], token.tenant_id, tuple(row[1])) if row else None


def memberships_of(person: Person) -> list[tuple[Member, Tenant]]:
    """A person's own memberships with their tenants, oldest first; needs no tenant scope."""
    with person_scope(person.id):
        members = list(Member.objects.filter(person=person).order_by("created_at"))
        tenants = {t.id: t for t in Tenant.objects.filter(suspended_at__isnull=True)}
    return [(m, tenants[m.tenant_id]) for m in members if m.tenant_id in tenants]
