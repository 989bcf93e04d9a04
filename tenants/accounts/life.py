"""A tenant's life between its making and its end: its facts, its limits, suspension.

A test tenant rests and works with its live one; where it stands otherwise already, it is left as
it is and is in nobody's way. Closing stands above, in `tenants/departure`.
"""

import math
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from tenants.accounts.models import Tenant
from tenants.accounts.plans import NAMES, PLANS
from tenants.accounts.services import check_facts
from tenants.accounts.siblings import sibling_of
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError, Conflict, NotFound
from tenants.isolation.scope import current_tenant, tenant_scope
from tenants.work.shares import set_share

# From which state (`Tenant.resting`) to which.
SUSPENDED = {"": Tenant.OPERATOR, Tenant.CLOSING: Tenant.HELD}
RESUMED = {Tenant.OPERATOR: "", Tenant.HELD: Tenant.CLOSING}


@transaction.atomic
def update_tenant(*, name: str, timezone: str, controller_contact: str, actor: Actor) -> Tenant:
    """Change the facts of the tenant in scope. AppError name_missing, unknown_timezone."""
    check_facts(name, timezone)
    tenant = locked_tenant()
    wanted = {
        "name": name.strip(),
        "timezone": timezone,
        "controller_contact": controller_contact.strip(),
    }
    changed = [field for field, value in wanted.items() if getattr(tenant, field) != value]
    if changed:
        for field in changed:
            setattr(tenant, field, wanted[field])
        tenant.save(update_fields=changed)
        # Which facts, not what they say: a contact may be a person.
        record(
            AuditEvent.TENANT_UPDATED,
            actor=actor,
            object_id=tenant.public_id,
            details={"changed": changed},
        )
    return tenant


@transaction.atomic
def set_limits(
    *,
    actor: Actor,
    plan: str | None = None,
    grant: Mapping[str, float] | None = None,
    withdraw: Iterable[str] = (),
) -> Tenant:
    """Set the plan of the tenant in scope and what it is granted beside it, by the plan's names.

    AppError unknown_plan, unknown_limit, bad_limit; Conflict limit_not_granted.
    """
    tenant = locked_tenant()
    if plan is not None and plan not in PLANS:
        raise AppError("unknown_plan", f"Choose one of {', '.join(PLANS)}.", param="plan")
    granted = dict(tenant.granted) | {
        name: _limit(name, value) for name, value in (grant or {}).items()
    }
    for name in withdraw:
        _check_name(name)
        if granted.pop(name, None) is None:
            raise Conflict("limit_not_granted", f"{name} was not granted.", param=name)
    tenant.plan, tenant.granted = plan or tenant.plan, granted
    tenant.save(update_fields=["plan", "granted"])
    limits = tenant.limits
    set_share(tenant.id, weight=limits.weight, at_once=limits.jobs_running)
    record(
        AuditEvent.TENANT_LIMITS_SET,
        actor=actor,
        object_id=tenant.public_id,
        details={"plan": tenant.plan, "granted": granted},
    )
    return tenant


def _limit(name: str, value: float) -> float | int:
    """The value in the form that the plan has it: whole numbers but for a rate."""
    _check_name(name)
    whole = isinstance(getattr(next(iter(PLANS.values())), name), int)
    if not (math.isfinite(value) and value > 0) or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise AppError("bad_limit", f"{name} is {kind} above 0.", param=name)
    return int(value) if whole else float(value)


def _check_name(name: str) -> None:
    if name not in NAMES:
        raise AppError("unknown_limit", f"Choose among {', '.join(NAMES)}.", param=name)


def suspend_tenant(*, tenant_id: UUID, reason: str, actor: Actor) -> None:
    """Let a tenant rest: its keys open nothing, its pages are shut, its work waits.

    One that is being closed keeps its end, but its owner can take the closing back no more.
    AppError reason_missing; NotFound; Conflict tenant_suspended.
    """
    if not reason.strip():
        raise AppError("reason_missing", "Say why, for the record.", param="reason")
    with transaction.atomic():
        for one in with_sibling(tenant_id):
            with tenant_scope(one):
                tenant = locked_tenant()
                if turn(tenant, SUSPENDED):
                    record(
                        AuditEvent.TENANT_SUSPENDED,
                        actor=actor,
                        object_id=tenant.public_id,
                        details={"reason": reason.strip()},
                    )
                elif one == tenant_id:
                    raise Conflict("tenant_suspended", "This tenant is suspended already.")


def resume_tenant(*, tenant_id: UUID, actor: Actor) -> None:
    """Take `suspend_tenant` back: the tenant works again, or goes on closing.

    NotFound; Conflict tenant_not_suspended.
    """
    with transaction.atomic():
        for one in with_sibling(tenant_id):
            with tenant_scope(one):
                tenant = locked_tenant()
                if turn(tenant, RESUMED):
                    record(AuditEvent.TENANT_RESUMED, actor=actor, object_id=tenant.public_id)
                elif one == tenant_id:
                    raise Conflict("tenant_not_suspended", "This tenant was not suspended.")


def with_sibling(tenant_id: UUID) -> list[UUID]:
    """The tenant, locked until the caller's transaction ends, and after it its test tenant.

    Locked first, as `open_test_tenant` does: no test tenant appears between the look and the act.
    NotFound.
    """
    with tenant_scope(tenant_id):
        locked_tenant()
    test = sibling_of(tenant_id)
    with tenant_scope(test):
        return [tenant_id, test] if Tenant.objects.filter(pk=test).exists() else [tenant_id]


def locked_tenant() -> Tenant:
    """The tenant of the scope, locked; NotFound when there is none."""
    tenant = Tenant.objects.select_for_update().filter(pk=current_tenant()).first()
    if tenant is None:
        raise NotFound("tenant")
    return tenant


def turn(tenant: Tenant, to: Mapping[str, str]) -> bool:
    """Lead a locked tenant from the state it is in to the one that `to` has for it.

    False, and nothing changed, where `to` has none; the caller records it.
    """
    if tenant.resting not in to:
        return False
    state = to[tenant.resting]
    tenant.suspended_at = (tenant.suspended_at or now()) if state else None
    tenant.suspended_for = state
    tenant.save(update_fields=["suspended_at", "suspended_for"])
    return True
