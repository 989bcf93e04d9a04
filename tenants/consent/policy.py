"""The table use -> purposes of a tenant: versioned, never without the purpose that a use needs.

A use is allowed when every purpose of its row is. A tenant may ask for more purposes, such as
`sensitive` or `cross_border` (PIPL 29, 39), or rest statistics on another one.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence

from django.db import connection, transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.consent.models import UseTable
from tenants.consent.vocabulary import ALWAYS, PURPOSE_OF, Purpose, Use
from tenants.errors import AppError
from tenants.isolation.scope import current_tenant
from tenants.work.queue import enqueue

# One who changes the table waits for another: versions follow each other.
ALONE = "select pg_advisory_xact_lock(hashtextextended('uses' || app_tenant()::text, 0))"
NEWEST = "select uses::text from consent_usetable order by number desc limit 1"
Uses = Mapping[Use, tuple[Purpose, ...]]
USUAL: Uses = {use: (purpose,) for use, purpose in PURPOSE_OF.items()}


def uses() -> Uses:
    """The table in force for the tenant in scope; of several purposes the first gives its name."""
    with connection.cursor() as cursor:
        cursor.execute(NEWEST)
        newest = cursor.fetchone()
    if newest is None:
        return USUAL
    told = json.loads(newest[0])
    return {use: tuple(map(Purpose, told.get(use.value, ()))) or USUAL[use] for use in Use}


def purposes_of(use: Use) -> tuple[Purpose, ...]:
    """All that a subject must allow for this use."""
    return uses()[use]


def storing_purposes() -> frozenset[Purpose]:
    """Any of these lets an event be stored at all; otherwise it is held in quarantine."""
    return frozenset(each for row in uses().values() for each in row) | {Purpose.SERVICE}


def policy_version(table: Uses | None = None) -> str:
    """A short hash of the table in force (of `table`), which snapshots and the log name."""
    told = {use.value: [each.value for each in row] for use, row in (table or uses()).items()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


@transaction.atomic
def set_uses(*, table: Mapping[Use, Sequence[Purpose]], actor: Actor) -> UseTable:
    """Put a new version of the table in force, from the next question on.

    AppError `bad_uses` for a use without a purpose, or one whose own purpose is missing: training
    never rests on anything less than `model_training`, nor a personal answer on anything less than
    `personalised_recommendation` (GDPR 6; PIPL 14, 24).
    """
    whole = {use: _row(use, table.get(use, ())) for use in Use}
    with connection.cursor() as cursor:
        cursor.execute(ALONE)
    newest = UseTable.objects.order_by("-number").first()
    made = UseTable.objects.create(
        number=newest.number + 1 if newest else 1,
        uses={use.value: [each.value for each in row] for use, row in whole.items()},
        policy_version=policy_version(whole),
        actor_ref=actor.ref,
        created_at=now(),
    )
    enqueue("release", tenant_id=current_tenant(), object_id=current_tenant())
    record(
        AuditEvent.USES_SET,
        actor=actor,
        object_id=made.public_id,
        object_version=str(made.number),
        policy_version=made.policy_version,
        details={"uses": made.uses},
    )
    return made


def _row(use: Use, told: Sequence[Purpose]) -> tuple[Purpose, ...]:
    """The purposes in their usual order, the one that must be there first."""
    needed = ALWAYS.get(use)
    if not told or (needed and needed not in told):
        raise AppError(
            "bad_uses",
            "Every use needs a purpose, training needs model_training, and a personal answer needs "
            "personalised_recommendation.",
            param=use.value,
        )
    rest = [each for each in Purpose if each in told and each != needed]
    return (needed, *rest) if needed else tuple(rest)
