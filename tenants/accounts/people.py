"""Changes to members: another role, removal. Each counts from the member's next request on.

Whoever is a member nowhere after it is forgotten: an account without a place is of no use.
"""

from uuid import UUID

from django.db import transaction

from tenants.accounts import persons
from tenants.accounts.invitations import (
    check_role,
    is_invited,
    lock_standing,
    withdraw_those_by,
)
from tenants.accounts.models import Member, Role
from tenants.accounts.siblings import refuse_in_test
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import Conflict, NotFound


@transaction.atomic
def change_role(*, member_id: UUID, role: str, actor: Actor) -> Member:
    """Give a member another role; what they have asked others into is withdrawn.

    Denied when it is about owners and `actor` is none, or as `lock_standing` says; Conflict for
    one's own role and for the last owner's.
    """
    member, owners = _locked(member_id, actor)
    check_role(role, actor)
    check_role(member.role, actor)
    if member.public_id == actor.ref:
        raise Conflict("own_role", "Nobody changes their own role. Ask another owner.")
    if role == member.role:
        return member
    _spare_the_last(member, owners)
    before, member.role = member.role, role
    member.save(update_fields=["role"])
    withdraw_those_by(member, actor=actor)
    record(
        AuditEvent.MEMBER_ROLE_CHANGED,
        actor=actor,
        object_id=member.public_id,
        details={"from": before, "to": role},
    )
    return member


@transaction.atomic
def remove_member(*, member_id: UUID, actor: Actor) -> Member:
    """End a membership, one's own too; what the member has asked others into is withdrawn.

    Was it the person's last, their account and sessions go with it, unless this tenant has asked
    them in again. What others have asked stands behind their walls: it makes a new account.
    Denied when it is an owner's and `actor` is none, or as `lock_standing` says; Conflict for the
    last owner.
    """
    member, owners = _locked(member_id, actor)
    check_role(member.role, actor)
    _spare_the_last(member, owners)
    withdraw_those_by(member, actor=actor)
    Member.objects.filter(pk=member.pk).delete()
    record(
        AuditEvent.MEMBER_REMOVED,
        actor=actor,
        object_id=member.public_id,
        details={"role": member.role},
    )
    if not is_invited(member.person.email):
        persons.forget([member.person_id])
    return member


def _locked(member_id: UUID, actor: Actor) -> tuple[Member, list[UUID]]:
    """The member, and all owners: locked, so that two owners cannot unmake each other at once."""
    refuse_in_test()
    owners = Member.objects.select_for_update().filter(role=Role.OWNER).order_by("id")
    known = [owner.pk for owner in owners]
    lock_standing(actor)
    member = (
        Member.objects.select_for_update(of=("self",))
        .select_related("person")
        .defer("person__password")
        .filter(pk=member_id)
        .first()
    )
    if member is None:
        raise NotFound("member")
    return member, known


def _spare_the_last(member: Member, owners: list[UUID]) -> None:
    if owners == [member.pk]:
        raise Conflict("last_owner", "A tenant keeps one owner. Make another one first.")
