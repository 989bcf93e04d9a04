"""Taking an item or a category out of a person's profile, and putting it back.

Nothing derived of a person is stored, so there is no tag to delete: what would make it, their
events on the item, is no longer read (China's Algorithm Provisions 17). The events stay.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.models import Item
from tenants.errors import AppError, NotFound
from tenants.rights.models import ProfileRemoval
from tenants.subjects.directory import audit_ref
from tenants.subjects.models import Subject


@transaction.atomic
def remove_from_profile(
    *, subject_id: int, actor: Actor, item_id: str = "", category: str = ""
) -> ProfileRemoval:
    """Let the person's events on an item, or on every item of a category, count no more, from the
    next answer on; the same again changes nothing.

    AppError item_or_category unless exactly one is named; NotFound for an item or a category that
    there is not, and for an erased person.
    """
    if bool(item_id) == bool(category):
        raise AppError("item_or_category", "Name either an item or a category.", param="item_id")
    # Locked, so that an erasure cannot pass between.
    if not Subject.objects.select_for_update().filter(id=subject_id, erased_at=None).exists():
        raise NotFound("person")
    item = _item(item_id) if item_id else None
    if category and not Item.objects.filter(category=category).exists():
        raise NotFound("category")
    removal, made = ProfileRemoval.objects.get_or_create(
        subject_id=subject_id, item=item, category=category, defaults={"actor_ref": actor.ref}
    )
    if made:
        _record(AuditEvent.PROFILE_REMOVED, removal, actor)
    return removal


@transaction.atomic
def return_to_profile(*, removal_id: UUID, actor: Actor) -> None:
    """Let the events count again. NotFound."""
    removal = ProfileRemoval.objects.select_for_update().filter(pk=removal_id).first()
    if removal is None:
        raise NotFound("profile removal")
    removal.delete()
    removal.id = removal_id  # the entry names what is gone
    _record(AuditEvent.PROFILE_RETURNED, removal, actor)


def removals_of(subject_id: int) -> "QuerySet[ProfileRemoval]":
    """What was taken out of the person's profile, newest first."""
    return (
        ProfileRemoval.objects.filter(subject_id=subject_id).select_related("item").order_by("-id")
    )


def _item(item_id: str) -> Item:
    item = Item.objects.filter(external_id=item_id).first()
    if item is None:
        raise NotFound("item")
    return item


def _record(event: AuditEvent, removal: ProfileRemoval, actor: Actor) -> None:
    record(
        event,
        actor=actor,
        object_id=removal.public_id,
        subject_ref=audit_ref(removal.subject_id),
        details={"of": "item" if removal.item_id else "category"},
    )
