"""Changes to tenants and their members: check, change, record. Keys have a file of their own."""

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction

from tenants.accounts.models import Member, Person, Role, Tenant
from tenants.accounts.queries import person_with
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError, Conflict, NotFound
from tenants.ids import uuid7
from tenants.isolation.models import KnownTenant
from tenants.isolation.scope import current_tenant, person_scope, tenant_scope


def create_tenant(
    *,
    name: str,
    actor: Actor,
    owner: Person | None = None,
    timezone: str = "UTC",
    jurisdiction: str = "GB",
    controller_contact: str = "",
    shift_weeks: int = 0,
    synthetic_consent: bool = False,
) -> Tenant:
    """Make a tenant, register it for periodic duties, and let `owner` in as its owner."""
    check_facts(name, timezone)
    tenant_id = uuid7()
    with tenant_scope(tenant_id):
        tenant = register_tenant(
            tenant_id,
            actor=actor,
            name=name.strip(),
            timezone=timezone,
            jurisdiction=jurisdiction,
            controller_contact=controller_contact,
            shift_weeks=shift_weeks,
            synthetic_consent=synthetic_consent,
        )
        if owner:
            add_member(person=owner, role=Role.OWNER, actor=actor)
    return tenant


def register_tenant(tenant_id: UUID, *, actor: Actor, **fields: Any) -> Tenant:
    """The row, its place in the register and its first entry; inside the new tenant's scope."""
    tenant = Tenant.objects.create(id=tenant_id, **fields)
    KnownTenant.objects.create(tenant_id=tenant_id)
    record(
        AuditEvent.TENANT_CREATED,
        actor=actor,
        object_id=tenant.public_id,
        details={"demo": tenant.synthetic_consent},
    )
    return tenant


def check_facts(name: str, timezone: str) -> None:
    """AppError when a tenant cannot have that name or that zone."""
    if not name.strip():
        raise AppError("name_missing", "Give the tenant a name.", param="name")
    if timezone not in available_timezones():
        raise AppError(
            "unknown_timezone", "Write an IANA name such as Europe/London.", param="timezone"
        )


@transaction.atomic
def add_member(*, person: Person, role: Role, actor: Actor, invitation: str = "") -> Member:
    """Give `person` a place in the tenant of the scope; Conflict when they have one.

    `invitation` is the public id of the one that they accepted, if any. NotFound when the person
    was forgotten meanwhile.
    """
    with person_scope(person.pk):
        # The foreign key is looked at only at the end: locked, nobody forgets them until then.
        if Person.objects.select_for_update().filter(pk=person.pk).first() is None:
            raise NotFound("person")
    if Member.objects.filter(tenant_id=current_tenant(), person=person).exists():
        raise Conflict("member_exists", "This person is already a member.", param="person")
    member = Member.objects.create(person=person, role=role)
    record(
        AuditEvent.MEMBER_ADDED,
        actor=actor,
        object_id=member.public_id,
        details={"role": str(role)} | ({"invitation": invitation} if invitation else {}),
    )
    return member


def make_person(*, email: str, password: str) -> Person:
    """Make somebody who can sign in; needs no scope. Recorded where they are given a place.

    Conflict when somebody signs in with this address already.
    """
    exists = Conflict(
        "person_exists", "This address has an account. Sign in with it.", param="email"
    )
    if person_with(email):
        raise exists
    try:
        with transaction.atomic():
            return Person.objects.create_user(email, password)
    except IntegrityError as error:  # of two who come at once, the second
        raise exists from error
