"""Test mode: a second tenant beside a live one, which shares its members and nothing else.

Its id follows from the live one's, so that whoever suspends or deletes a tenant finds both
without a look across the wall.
"""

from uuid import UUID, uuid5

from django.db import transaction

from tenants.accounts import plans
from tenants.accounts.models import Tenant
from tenants.accounts.services import register_tenant
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import Conflict
from tenants.isolation.scope import current_tenant, tenant_scope


def sibling_of(live_id: UUID) -> UUID:
    """The id that the test tenant of a live one has, or would have."""
    return uuid5(live_id, "test")


@transaction.atomic
def open_test_tenant(*, actor: Actor) -> Tenant:
    """Make the test tenant beside the tenant in scope; noted in both logs.

    Conflict test_of_test, tenant_resting (it would work beside a live one that rests), test_exists.
    """
    live = Tenant.objects.select_for_update().get(pk=current_tenant())
    if live.live_id:
        raise Conflict("test_of_test", "This is the test mode. Open it from the live tenant.")
    if live.resting:
        raise Conflict("tenant_resting", "This tenant rests. Open its test mode once it works.")
    sibling = sibling_of(live.id)
    with tenant_scope(sibling):
        if Tenant.objects.filter(pk=sibling).exists():
            raise Conflict("test_exists", "There is a test mode already. Switch to it.")
        tenant = register_tenant(
            sibling,
            actor=actor,
            name=f"{live.name} (test)",
            timezone=live.timezone,
            jurisdiction=live.jurisdiction,
            controller_contact=live.controller_contact,
            plan=plans.TEST,
            live_id=live.id,
        )
    record(AuditEvent.TEST_MODE_OPENED, actor=actor, object_id=tenant.public_id)
    return tenant


def refuse_in_test() -> None:
    """Raise Conflict in a test tenant, whose members are those of its live one."""
    if Tenant.objects.filter(pk=current_tenant(), live_id__isnull=False).exists():
        raise Conflict("members_live", "Members are managed in the live tenant. Switch to it.")
