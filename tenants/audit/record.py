"""Writing one audit entry, in the transaction of the change it tells of."""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.canonical import commitment, content_hash
from tenants.audit.events import AuditEvent
from tenants.audit.linking import FACTS, WAITING
from tenants.audit.models import AuditEntry
from tenants.isolation.scope import current_tenant
from tenants.masking.masking import masked

SALT_BYTES = 32
# Details that hold a member's own words.
WORDS = ("reason",)
_ROW = ", ".join(["%s"] * len(WAITING))
# Only places for values are put into the text.
APPEND = f"select * from audit_append(row({_ROW})::audit_auditwaiting, %s)"  # nosec B608


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
    numbered: bool = False,
) -> AuditEntry:
    """Append `event` to the tenant's log; it commits or rolls back with the caller's change.

    Waits for nobody: while another transaction holds the chain's head, the entry lies committed
    beside the chain until it is linked, and `seq` is 0 here. Whoever must know the number says
    `numbered` and waits. ValueError on a detail that the registry does not allow.
    """
    kind = event.value
    details = _masked(details or {})
    surplus = set(details) - set(kind.details)
    if surplus:
        raise ValueError(f"{kind.action} may not hold {sorted(surplus)}; see audit/events.py")
    salt, recorded_at = os.urandom(SALT_BYTES), now()
    entry = AuditEntry(
        tenant_id=current_tenant(),
        seq=0,
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
        prev_hash=b"",
        entry_hash=b"",
    )
    _append(entry, salt, details, patient=numbered)
    return entry


def _masked(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details; what a member wrote in their own words without anybody's address or number."""
    return {name: masked(value).text if name in WORDS and isinstance(value, str) else value
            for name, value in details.items()}  # fmt: skip


def _append(entry: AuditEntry, salt: bytes, details: dict[str, Any], *, patient: bool) -> None:
    facts: list[Any] = [getattr(entry, name) for name in FACTS]
    facts += [content_hash(entry.facts()), salt, json.dumps(details)]
    with connection.cursor() as cursor:
        cursor.execute(APPEND, [*facts, patient])
        seq, previous, own = cursor.fetchone()
    entry._state.adding = False
    if seq is not None:
        entry.seq, entry.prev_hash, entry.entry_hash = seq, previous, own
