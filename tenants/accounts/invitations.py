"""Invitations: ask somebody in, take it back, accept. The link carries the tenant's id, so that
it is looked up inside that tenant's scope; of its secret only a hash is kept.
"""

import hashlib
import re
import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from tenants.accounts.models import ADDRESS_LENGTH, Invitation, Member, Person, Role, Tenant
from tenants.accounts.services import add_member, make_person
from tenants.accounts.siblings import refuse_in_test
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError, Conflict, Denied, NotFound
from tenants.ids import DIGITS, WIDTH, decode, encode, parse_id
from tenants.isolation.scope import current_tenant, tenant_scope

LIFETIME = timedelta(days=7)
SECRET_LENGTH = 32  # base 62: 190 bits, so that the hash needs no salt
_LINK = re.compile(rf"[0-9A-Za-z]{{{WIDTH + SECRET_LENGTH}}}", re.ASCII)


@transaction.atomic
def invite_member(*, email: str, role: str, actor: Actor) -> tuple[Invitation, str]:
    """Ask somebody into the tenant of the scope; the returned text of the link is shown once.

    Conflict when the address belongs to a member or was asked already; Denied as
    `lock_standing` says.
    """
    refuse_in_test()
    lock_standing(actor)
    address = _address(email)
    check_role(role, actor)
    if Member.objects.filter(person__email=address).exists():
        raise Conflict("member_exists", "This person is already a member.", param="email")
    if is_invited(address):
        raise Conflict(
            "already_invited", "This address was invited. Withdraw that first.", param="email"
        )
    text = encode(current_tenant().int)
    text += "".join(secrets.choice(DIGITS) for _ in range(SECRET_LENGTH))
    invitation = Invitation.objects.create(
        email=address,
        role=role,
        hash=_hash(text),
        invited_by=actor.ref,
        expires_at=now() + LIFETIME,
    )
    _record(AuditEvent.MEMBER_INVITED, invitation, actor)
    return invitation, text


@transaction.atomic
def withdraw_invitation(*, invitation_id: UUID, actor: Actor) -> Invitation:
    """Make an open invitation's link worthless; NotFound when it is not open any more."""
    invitation = _open().select_for_update().filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound("invitation")
    _withdraw(invitation, actor)
    return invitation


def withdraw_those_by(member: Member, *, actor: Actor) -> None:
    """Withdraw what a member has asked whose own place ends or changes."""
    for invitation in _open().select_for_update().filter(invited_by=member.public_id):
        _withdraw(invitation, actor)


def find_invitation(link: str) -> tuple[Invitation, Tenant] | None:
    """The open invitation behind a link, and who invites; needs no scope."""
    tenant_id = _tenant_of(link)
    if tenant_id is None:
        return None
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.filter(pk=tenant_id, suspended_at__isnull=True).first()
        invitation = _open().filter(hash=_hash(link)).first()
    return (invitation, tenant) if invitation and tenant else None


def accept_invitation(*, link: str, person: Person, actor: Actor) -> Member:
    """Give the invited person their place; needs no scope.

    NotFound when the link is wrong, used, withdrawn or too old, or is for another address.
    """
    found = find_invitation(link)
    if found is None or found[0].email != person.email:
        raise NotFound("invitation")
    with tenant_scope(found[1].id):
        # Locked and looked at again: of two who accept at once, one finds it used.
        invitation = _open().select_for_update().filter(pk=found[0].pk).first()
        if invitation is None:
            raise NotFound("invitation")
        invitation.accepted_at = now()
        invitation.save(update_fields=["accepted_at"])
        return add_member(
            person=person,
            role=Role(invitation.role),
            invitation=invitation.public_id,
            actor=replace(actor, ref=person.public_id),
        )


@transaction.atomic
def join_as_new(*, link: str, password: str, actor: Actor) -> Person:
    """Make the invited person with the password they chose, and accept; needs no scope.

    Conflict when somebody signs in with this address already.
    """
    found = find_invitation(link)
    if found is None:
        raise NotFound("invitation")
    person = make_person(email=found[0].email, password=password)
    accept_invitation(link=link, person=person, actor=actor)
    return person


def lock_standing(actor: Actor) -> None:
    """Keep the acting member as they are until the transaction ends; a system's act passes.

    Denied when they were removed or got another role since the request began. Who removes them
    waits, and then withdraws what they asked meanwhile.
    """
    if actor.type != "member":
        return
    held = None
    with suppress(NotFound):  # what is no member's id is nobody's place
        member_id = parse_id("member", actor.ref)
        places = Member.objects.select_for_update(of=("self",))
        held = places.filter(pk=member_id, role=actor.role).first()
    if held is None:
        raise Denied(
            "standing_changed",
            "Your place in this tenant has changed meanwhile. Load the page anew.",
        )


def check_role(role: str, actor: Actor) -> None:
    """Refuse a role that is none, or that `actor` may neither give nor take."""
    if role not in Role.values:
        raise AppError("unknown_role", f"Choose one of {', '.join(Role.values)}.", param="role")
    if role == Role.OWNER and actor.role != Role.OWNER and actor.type != "system":
        raise Denied("owner_only", "Only an owner makes or unmakes owners. Ask one.", param="role")


def _open() -> "QuerySet[Invitation]":
    """The invitations of the tenant in scope that can still be accepted."""
    return Invitation.objects.filter(
        accepted_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=now()
    )


def is_invited(email: str) -> bool:
    """Whether an invitation of the tenant in scope waits for this address."""
    return _open().filter(email=email).exists()


def open_invitations() -> list[Invitation]:
    """What waits to be accepted, newest first."""
    return list(_open().order_by("-id"))


def _withdraw(invitation: Invitation, actor: Actor) -> None:
    invitation.withdrawn_at = now()
    invitation.save(update_fields=["withdrawn_at"])
    _record(AuditEvent.INVITATION_WITHDRAWN, invitation, actor)


def _record(event: AuditEvent, invitation: Invitation, actor: Actor) -> None:
    record(event, actor=actor, object_id=invitation.public_id, details={"role": invitation.role})


def _address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
        MaxLengthValidator(ADDRESS_LENGTH)(address)
    except ValidationError:
        raise AppError("bad_email", "Write an e-mail address.", param="email") from None
    return address


def _hash(link: str) -> bytes:
    return hashlib.sha256(link.encode()).digest()


def _tenant_of(link: str) -> UUID | None:
    if not _LINK.fullmatch(link):
        return None
    try:
        return UUID(int=decode(link[:WIDTH]))
    except ValueError:
        return None
