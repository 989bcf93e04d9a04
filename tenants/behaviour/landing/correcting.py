"""Correcting and deleting one act of a person. Called by whoever answers their request, which also
leaves the audit entry.

An act keeps the keyed hash by which it counts once, so a file that tells of it as it was, sent
again, changes nothing; of a deleted act that hash alone is kept.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.timezone import now

from tenants.behaviour.landing.identity import identity_of_id
from tenants.behaviour.models import DeletedAct, Event, QuarantinedRow
from tenants.behaviour.types.event_types import event_types
from tenants.errors import AppError, NotFound
from tenants.isolation.lasting import lasting_key
from tenants.isolation.scope import current_tenant
from tenants.subjects.suppression import stand_alone

CLOCK_SKEW = timedelta(minutes=5)
CORRECTABLE = ("type", "value", "quantity", "occurred_at")


def act_of(event_id: str) -> UUID:
    """The hash of the act that a sender calls `event_id`."""
    key = lasting_key(current_tenant(), "dedup")
    return UUID(bytes=identity_of_id(event_id, key))


def locked_act(subject_id: int, act: UUID, *, to_delete: bool = False) -> Event:
    """The person's event with this hash, locked. NotFound, also when it is somebody else's.

    Of one `to_delete` no copy is landed until the transaction ends: it would wait for the old row
    to go, and take its place. Call that before the audit log is written to, see `stand_alone`.
    """
    if to_delete:
        stand_alone()
    event = Event.objects.select_for_update().filter(subject_id=subject_id, dedup=act).first()
    if event is None:
        raise NotFound("event of this person")
    return event


def facts_of(event: Event) -> dict[str, Any]:
    """What of an event can be corrected, as plain values."""
    return {
        "type": event.type,
        "value": event.value,
        "quantity": event.quantity,
        "occurred_at": event.occurred_at,
    }


def correct(event: Event, changes: Mapping[str, Any]) -> list[str]:
    """Write other values into a locked event; the names of what is different now.

    `type` is a name of the tenant's table of event types, `occurred_at` has a zone. AppError
    unknown_type, act_later, nothing_changed.
    """
    values = dict(changes)
    if "type" in values:
        names = event_types().by_name
        if values["type"] not in names:
            known = ", ".join(names)
            raise AppError("unknown_type", f"type is one of {known}.", param="type")
        values["type"] = names[values["type"]].code
    at: datetime | None = values.get("occurred_at")
    if at is not None and at > now() + CLOCK_SKEW:
        raise AppError("act_later", "occurred_at lies in the future.", param="occurred_at")
    before = facts_of(event)
    values = {name: value for name, value in values.items() if value != before[name]}
    if not values:
        raise AppError("nothing_changed", "Nothing would be different. Say what is wrong.")
    Event.objects.filter(id=event.id).update(**values)
    for name, value in values.items():
        setattr(event, name, value)
    return sorted(values)


def delete(event: Event) -> None:
    """Delete an event that is locked `to_delete`, and a copy that is held: sent again, it stays
    away.
    """
    DeletedAct.objects.get_or_create(dedup=event.dedup)
    Event.objects.filter(id=event.id).delete()
    QuarantinedRow.objects.filter(dedup=event.dedup).delete()
