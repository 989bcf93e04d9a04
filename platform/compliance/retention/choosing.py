"""How long a tenant keeps each class: the table's usual days, or fewer where it chose so."""

from collections.abc import Mapping

from django.db import transaction

from compliance.models import RetentionChoice
from compliance.retention.classes import BY_CODE, CLASSES
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError
from tenants.isolation.scope import current_tenant


def days_kept() -> dict[str, int | None]:
    """Days by class for the tenant in scope; None: as long as the tenant."""
    chosen = dict(RetentionChoice.objects.values_list("code", "days"))
    return {one.code: chosen.get(one.code, one.default) for one in CLASSES}


@transaction.atomic
def choose_retention(*, days: Mapping[str, int | None], actor: Actor) -> None:
    """Keep the named classes for so many days; None is the usual time. What is older goes with the
    next run, within the hour, and is not to be had back.

    AppError unknown_class, bad_retention: fewer days than the least, or more than usual.
    """
    before = days_kept()
    for code, number in days.items():
        one = BY_CODE.get(code)
        if one is None or one.least is None:
            raise AppError(
                "unknown_class", "There is nothing to choose for this class.", param=code
            )
        if number is not None and not one.allows(number):
            raise AppError(
                "bad_retention",
                "Choose at least as many days as stand beside it, and no more than usual.",
                param=code,
                params={"least": one.least, "usual": one.default or 0},
            )
        _keep(code, number, actor)
    after = days_kept()
    changed = {code: after[code] for code in after if after[code] != before[code]}
    if changed:
        record(AuditEvent.RETENTION_CHOSEN, actor=actor, details={"days": changed})


def _keep(code: str, number: int | None, actor: Actor) -> None:
    if number is None:
        RetentionChoice.objects.filter(code=code).delete()
        return
    RetentionChoice.objects.update_or_create(
        tenant_id=current_tenant(), code=code, defaults={"days": number, "actor_ref": actor.ref}
    )
