"""The rule by which a tenant trains anew by itself: read it, change it."""

from django.db import transaction

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError
from tenants.isolation.scope import current_tenant
from training.jobs.models import RetrainingRule

LONGEST_DAYS = 365
# Days.
LONGEST_REPLACE = 30


def rule() -> RetrainingRule:
    """The tenant's rule; the usual one, unsaved, where it has none of its own."""
    return RetrainingRule.objects.first() or RetrainingRule()


@transaction.atomic
def set_rule(
    *,
    every_days: int,
    new_share: float,
    unknown_share: float,
    replace_days: int = LONGEST_REPLACE,
    actor: Actor,
) -> RetrainingRule:
    """Change when training starts by itself; 0 switches a reason off. `replace_days` is in how many
    days a version that must go is replaced, for those that are tainted from now on.

    AppError bad_rule, bad_replace_days.
    """
    shares = (new_share, unknown_share)
    if not 0 <= every_days <= LONGEST_DAYS or not all(0.0 <= share <= 1.0 for share in shares):
        raise AppError("bad_rule", f"Days are 0 to {LONGEST_DAYS}, shares 0 to 1.")
    if not 1 <= replace_days <= LONGEST_REPLACE:
        raise AppError("bad_replace_days", f"Replace within 1 to {LONGEST_REPLACE} days.")
    values = {"every_days": every_days, "new_share": new_share, "unknown_share": unknown_share}
    values["replace_days"] = replace_days
    changed, _ = RetrainingRule.objects.update_or_create(
        tenant_id=current_tenant(), defaults={**values, "actor_ref": actor.ref}
    )
    record(AuditEvent.RETRAINING_RULE_SET, actor=actor, details=values)
    return changed
