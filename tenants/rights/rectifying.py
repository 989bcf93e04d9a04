"""Rectification: a person's acts corrected or deleted one by one, their id corrected.

What is derived of them follows by itself, since it is computed at each answer. What was frozen
before a correction holds the old value, and lineage says so: the rooms above are asked how much it
is (`HOLDS_UNCORRECTED`), and tell of each version that learnt from it.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.landing import correcting
from tenants.errors import Conflict
from tenants.isolation.lasting import lasting_key
from tenants.isolation.scope import current_tenant
from tenants.rights import kinds
from tenants.rights.cells import plain
from tenants.rights.models import Correction, RightsRequest
from tenants.rights.steps import check, locked, note
from tenants.subjects.directory import audit_ref
from tenants.subjects.renaming import rename


@transaction.atomic
def correct_event(
    *, request_id: UUID, act: UUID, changes: Mapping[str, Any], actor: Actor
) -> Correction:
    """Write other values into one event of the person who asked; `act` is its hash.

    NotFound; AppError unknown_type, act_later, nothing_changed; Conflict as `_asked`.
    """
    request = _asked(request_id)
    event = correcting.locked_act(request.subject_id, act)
    before = correcting.facts_of(event)
    columns = correcting.correct(event, changes)
    return _noted(request, Correction.CHANGED, actor, before, correcting.facts_of(event), columns)


@transaction.atomic
def delete_event(*, request_id: UUID, act: UUID, actor: Actor) -> Correction:
    """Delete one event of the person who asked, for good. NotFound; Conflict as `_asked`."""
    request = _asked(request_id)
    event = correcting.locked_act(request.subject_id, act, to_delete=True)
    before = correcting.facts_of(event)
    correcting.delete(event)
    return _noted(request, Correction.DELETED, actor, before, None, list(correcting.CORRECTABLE))


@transaction.atomic
def correct_id(*, request_id: UUID, user_id: str, actor: Actor) -> Correction:
    """Call the person who asked by another id. NotFound; Conflict id_taken, or as `_asked`."""
    request = _asked(request_id)
    rename(request.subject_id, user_id)
    return _noted(request, Correction.RENAMED, actor, None, {"user_id": user_id}, ["user_id"])


def _asked(request_id: UUID) -> RightsRequest:
    """The request for rectification, locked. NotFound; Conflict request_ended, identity_missing,
    no_rectification."""
    request = locked(request_id)
    check(request, kinds.DONE)
    if request.kind != kinds.RECTIFICATION:
        raise Conflict("no_rectification", "This request does not ask for a correction.")
    return request


def _noted(
    request: RightsRequest,
    kind: str,
    actor: Actor,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    columns: list[str],
) -> Correction:
    """Record a new version of the person's data, by hashes, and how much holds the old one."""
    held = 0
    if kind != Correction.RENAMED:  # frozen data hold integers
        holders = [import_string(dotted) for dotted in settings.HOLDS_UNCORRECTED]
        held = sum(holder(request.subject_id) for holder in holders)
    correction = Correction.objects.create(
        request=request,
        subject_id=request.subject_id,
        kind=kind,
        version=Correction.objects.filter(subject_id=request.subject_id).count() + 1,
        columns=columns,
        before_hash=_hash(before),
        after_hash=_hash(after),
        frozen=held,
        actor_ref=actor.ref,
    )
    note(request, kind, actor, columns=columns)
    record(
        AuditEvent.SUBJECT_CORRECTED,
        actor=actor,
        object_id=correction.public_id,
        object_version=str(correction.version),
        subject_ref=audit_ref(request.subject_id),
        details={"kind": kind, "columns": columns, "frozen": held},
    )
    return correction


def _hash(facts: Mapping[str, Any] | None) -> bytes | None:
    """A keyed hash: single values could be guessed from a bare one."""
    if facts is None:
        return None
    text = json.dumps({name: plain(value) for name, value in facts.items()}, sort_keys=True)
    return hmac.digest(lasting_key(current_tenant(), "corrections"), text.encode(), hashlib.sha256)
