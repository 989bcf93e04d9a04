"""Writing one audit entry, in the transaction of the change it tells of."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.canonical import commitment, leaf_hash
from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditDetail, AuditEntry
from tenants.isolation.scope import current_tenant
from tenants.masking.masking import masked

SALT_BYTES = 32
# Details that hold a member's own words.
WORDS = ("reason",)


def record(
    event: AuditEvent,
    *,
    actor: Actor,
    object_id: str = "",
    object_version: str = "",
    details: Mapping[str, Any] | None = None,
    subject_ref: str = "",
    purpose: str = "",
    lawful_basis: str = "",
    outcome: str = "success",
    reason: str = "",
    policy_version: str = "",
    occurred_at: datetime | None = None,
) -> AuditEntry:
    """Append `event` to the tenant's chain; it commits or rolls back with the caller's change.

    Holds the chain's head until the transaction ends: call it last. ValueError on a detail
    that the registry does not allow.
    """
    kind = event.value
    details = _masked(details or {})
    surplus = set(details) - set(kind.details)
    if surplus:
        raise ValueError(f"{kind.action} may not hold {sorted(surplus)}; see audit/events.py")
    salt = os.urandom(SALT_BYTES)
    seq, previous = _lock_head()
    recorded_at = now()  # behind the lock, so that times follow the order of the chain
    entry = AuditEntry(
        tenant_id=current_tenant(),
        seq=seq + 1,
        occurred_at=occurred_at or recorded_at,
        recorded_at=recorded_at,
        actor_type=actor.type,
        actor_ref=actor.ref,
        actor_role=actor.role,
        actor_auth=actor.auth,
        action=kind.action,
        object_type=kind.object,
        object_id=object_id,
        object_version=object_version,
        subject_ref=subject_ref,
        purpose=purpose,
        lawful_basis=lawful_basis,
        outcome=outcome,
        reason=reason,
        request_id=actor.request_id,
        policy_version=policy_version,
        details_commit=commitment(salt, details),
        prev_hash=previous,
    )
    entry.entry_hash = leaf_hash(entry.content())
    entry.save(force_insert=True)
    AuditDetail.objects.create(entry=entry, salt=salt, details=details)
    _move_head(entry)
    return entry


def _masked(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details; what a member wrote in their own words without anybody's address or number."""
    return {name: masked(value).text if name in WORDS and isinstance(value, str) else value
            for name, value in details.items()}  # fmt: skip


def _lock_head() -> tuple[int, bytes]:
    """The sequence number and hash of the last entry, locked; the first call makes the head."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into audit_audithead (tenant_id, seq, hash) values (%s, 0, %s) "
            "on conflict (tenant_id) do update set seq = audit_audithead.seq returning seq, hash",
            [current_tenant(), bytes(32)],
        )
        seq, previous = cursor.fetchone()
    return seq, bytes(previous)


def _move_head(entry: AuditEntry) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "update audit_audithead set seq = %s, hash = %s where tenant_id = %s",
            [entry.seq, bytes(entry.entry_hash), entry.tenant_id],
        )
