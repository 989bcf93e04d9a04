"""A person and their tenant in one step, for an installation that is open to anybody."""

from dataclasses import replace

from django.db import transaction

from tenants.accounts.models import Person, Tenant
from tenants.accounts.services import create_tenant, make_person
from tenants.audit.actor import Actor


@transaction.atomic
def sign_up(
    *, name: str, email: str, password: str, timezone: str, actor: Actor
) -> tuple[Person, Tenant]:
    """Make the person and a tenant that they own; `actor` becomes that person.

    Conflict when somebody signs in with this address already; AppError for what
    `create_tenant` refuses.
    """
    person = make_person(email=email, password=password)
    tenant = create_tenant(
        name=name,
        timezone=timezone,
        owner=person,
        actor=replace(actor, ref=person.public_id),
    )
    return person, tenant
