"""Deletes once an hour what a tenant keeps no longer, and tells its log how much of which class."""

import logging
from datetime import timedelta
from uuid import UUID

from django.core.cache import cache
from django.utils.timezone import now

from compliance.retention.choosing import days_kept
from compliance.retention.classes import CLASSES, RetentionClass
from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.isolation.names import cache_name
from tenants.isolation.scope import tenant_scope

logger = logging.getLogger(__name__)
ACTOR = system("retention")
EVERY_SECONDS = 3600
# A transaction of so many rows takes well under a second; a run ends after so many of them and
# goes on an hour later, so that other duties get their turn.
BATCH, BATCHES = 5_000, 40


def expire(tenant_id: UUID) -> None:
    """A duty of every tenant."""
    with tenant_scope(tenant_id):
        if not cache.add(cache_name("retention"), 1, EVERY_SECONDS):
            return
    expire_now(tenant_id)


def expire_now(tenant_id: UUID) -> dict[str, int]:
    """Delete what is over; rows by class. Trouble with one class does not keep the others."""
    with tenant_scope(tenant_id):
        days = days_kept()
    counts: dict[str, int] = {}
    for one in CLASSES:
        try:
            counts[one.code] = _delete(tenant_id, one, days[one.code])
            if one.sweep:  # whatever is kept from now on: what is marked is to go
                one.sweep(tenant_id)
        except Exception:  # whatever broke, the other classes' time is over all the same
            logger.exception("class %s of tenant %s was not deleted", one.code, tenant_id)
    told = {code: count for code, count in counts.items() if count}
    if told:
        with tenant_scope(tenant_id):
            record(AuditEvent.RETENTION_ENFORCED, actor=ACTOR, details={"counts": told})
    return told


def _delete(tenant_id: UUID, one: RetentionClass, days: int | None) -> int:
    if one.delete is None or days is None:
        return 0
    before, deleted = now() - timedelta(days=days), 0
    for _ in range(BATCHES):
        with tenant_scope(tenant_id):
            count = one.delete(before, BATCH)
        deleted += count
        if count < BATCH:
            break
    return deleted
