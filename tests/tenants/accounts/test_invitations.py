"""Asking somebody in: once, for one address, for seven days, and never beyond one's own role."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils.timezone import now

from tenants.accounts.invitations import (
    accept_invitation,
    find_invitation,
    invite_member,
    join_as_new,
    withdraw_invitation,
)
from tenants.accounts.models import Invitation, Member, Person, Role, Tenant
from tenants.accounts.people import change_role, remove_member
from tenants.accounts.queries import memberships_of, person_with
from tenants.accounts.services import add_member
from tenants.accounts.siblings import open_test_tenant
from tenants.audit.actor import Actor
from tenants.audit.models import AuditDetail, AuditEntry
from tenants.errors import AppError, Conflict, Denied, NotFound
from tenants.ids import uuid7
from tenants.isolation.scope import tenant_scope
from tests.business import PASSWORD
from tests.connections import in_threads

NEW = "new@example.com"
COMER = Actor(type="person", ref="", auth="invitation")


@pytest.fixture
def admin(alice) -> Actor:
    """An administrator of Alice's, as an actor."""
    person = Person.objects.create_user("admin@example.com", PASSWORD)
    with alice.scope:
        member = add_member(person=person, role=Role.ADMIN, actor=alice.actor)
    return Actor(type="member", ref=member.public_id, role="admin", auth="test")


def invite(business, email=NEW, role="analyst", actor=None):
    with business.scope:
        return invite_member(email=email, role=role, actor=actor or business.actor)


def told(business) -> list[tuple[str, dict]]:
    """What the log says about members since the business was made."""
    with business.scope:
        entries = AuditEntry.objects.filter(seq__gt=3).order_by("seq")
        details = {d.entry_id: d.details for d in AuditDetail.objects.all()}
        return [(entry.action, details[entry.pk]) for entry in entries]


def places(business) -> list[tuple[str, str]]:
    with business.scope:
        return sorted(Member.objects.values_list("person__email", "role"))


def test_somebody_new_joins_by_the_link(alice):
    invitation, link = invite(alice, email=" New@Example.com")
    person = join_as_new(link=link, password=PASSWORD, actor=COMER)
    assert (person.email, person.check_password(PASSWORD)) == (NEW, True)
    assert places(alice) == [("alice@example.com", "owner"), (NEW, "analyst")]
    assert told(alice) == [
        ("member.invited", {"role": "analyst"}),
        ("member.added", {"role": "analyst", "invitation": invitation.public_id}),
    ]
    with alice.scope:
        entry = AuditEntry.objects.get(action="member.added", actor_type="person")
    assert (entry.actor_ref, entry.actor_auth) == (person.public_id, "invitation")


def test_somebody_known_joins_as_who_they_are(alice, bob):
    _, link = invite(alice, email="bob@example.com", role="admin")
    accept_invitation(link=link, person=bob.owner, actor=COMER)
    assert [(m.role, t.name) for m, t in memberships_of(bob.owner)] == [
        ("owner", "Bob's shop"),
        ("admin", "Alice's shop"),
    ]


def test_only_a_hash_of_the_link_is_kept_and_no_address_in_the_log(alice):
    _, link = invite(alice)
    with alice.scope:
        stored = Invitation.objects.get()
        log = [str(vars(entry)) for entry in AuditEntry.objects.all()]
        log += [str(detail.details) for detail in AuditDetail.objects.all()]
    assert link[22:] not in str(vars(stored))
    assert len(bytes(stored.hash)) == 32
    assert stored.invited_by == alice.actor.ref
    assert abs(stored.expires_at - now() - timedelta(days=7)) < timedelta(minutes=1)
    assert not any(NEW in line for line in log)


def test_a_link_works_once(alice):
    _, link = invite(alice)
    person = join_as_new(link=link, password=PASSWORD, actor=COMER)
    assert find_invitation(link) is None
    with pytest.raises(NotFound):
        accept_invitation(link=link, person=person, actor=COMER)
    assert len(places(alice)) == 2


def test_of_two_who_accept_at_once_one_joins(committed):
    alice = committed("Alice")
    email = f"{uuid7().hex}@example.com"
    person = Person.objects.create_user(email, PASSWORD)
    _, link = invite(alice, email=email)

    def accept() -> str:
        try:
            accept_invitation(link=link, person=person, actor=COMER)
        except (NotFound, Conflict) as refused:
            return refused.code
        return "joined"

    assert sorted(in_threads([accept] * 3)) == ["joined", "not_found", "not_found"]


def test_a_link_that_is_for_somebody_else_is_none(alice, bob):
    _, link = invite(alice)
    with pytest.raises(NotFound):
        accept_invitation(link=link, person=bob.owner, actor=COMER)
    assert places(alice) == [("alice@example.com", "owner")]
    assert find_invitation(link) is not None


@pytest.mark.parametrize("spoil", ["expired", "withdrawn", "suspended", "altered", "tenant"])
def test_a_link_that_is_too_old_withdrawn_or_wrong_is_none(alice, bob, spoil):
    invitation, link = invite(alice)
    with alice.scope:
        if spoil == "expired":
            Invitation.objects.update(expires_at=now())
        if spoil == "withdrawn":
            withdraw_invitation(invitation_id=invitation.pk, actor=alice.actor)
        if spoil == "suspended":
            Tenant.objects.update(suspended_at=now())
    if spoil == "altered":
        link = link[:-1] + ("0" if link[-1] != "0" else "1")
    if spoil == "tenant":  # the same secret under Bob's number
        link = invite(bob, email="x@example.com")[1][:22] + link[22:]
    assert find_invitation(link) is None
    with pytest.raises(NotFound):
        join_as_new(link=link, password=PASSWORD, actor=COMER)
    assert person_with(NEW) is None
    assert places(alice) == [("alice@example.com", "owner")]


@pytest.mark.parametrize("link", ["", "x", "z" * 54, "ä" * 54, "0" * 54, "0" * 53, "0" * 5000])
def test_what_is_no_link_leads_nowhere(alice, link):
    assert find_invitation(link) is None


def test_an_address_with_an_account_signs_in_instead_of_setting_a_password(alice, bob):
    _, link = invite(alice, email="bob@example.com")
    with pytest.raises(Conflict) as refused:
        join_as_new(link=link, password="another password 9", actor=COMER)
    assert refused.value.code == "person_exists"
    assert person_with("bob@example.com").check_password(PASSWORD)
    assert places(alice) == [("alice@example.com", "owner")]


@pytest.mark.parametrize(
    "wrong, code",
    [
        ({"email": "nonsense"}, "bad_email"),
        ({"role": "king"}, "unknown_role"),
        ({"email": "Alice@example.com"}, "member_exists"),
        ({"email": "waits@example.com"}, "already_invited"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_not_made(alice, wrong, code):
    invite(alice, email="waits@example.com")
    before = told(alice)
    with pytest.raises(AppError) as refused:
        invite(alice, **wrong)
    assert refused.value.code == code
    assert told(alice) == before
    with alice.scope:
        assert Invitation.objects.count() == 1


def test_only_an_owner_invites_an_owner(alice, admin):
    with pytest.raises(Denied) as refused:
        invite(alice, role="owner", actor=admin)
    assert refused.value.code == "owner_only"
    with alice.scope:
        assert not Invitation.objects.exists()
    owner = replace(alice.actor, role="owner")
    assert invite(alice, role="owner", actor=owner)[0].role == "owner"
    assert invite(alice, role="admin", email="b@example.com", actor=admin)[0].role == "admin"


def test_a_withdrawn_invitation_cannot_be_withdrawn_again(alice, bob):
    invitation, _ = invite(alice)
    with bob.scope, pytest.raises(NotFound):
        withdraw_invitation(invitation_id=invitation.pk, actor=bob.actor)
    with alice.scope:
        withdraw_invitation(invitation_id=invitation.pk, actor=alice.actor)
        with pytest.raises(NotFound):
            withdraw_invitation(invitation_id=invitation.pk, actor=alice.actor)
    assert told(alice)[1:] == [("invitation.withdrawn", {"role": "analyst"})]


def test_whoever_goes_or_changes_takes_their_open_invitations_along(alice, admin):
    _, first = invite(alice, actor=admin)
    _, kept = invite(alice, email="kept@example.com")
    with alice.scope:
        member = Member.objects.get(role="admin")
        change_role(member_id=member.pk, role="analyst", actor=alice.actor)
    assert find_invitation(first) is None
    _, second = invite(alice, email="b@example.com", actor=replace(admin, role="analyst"))
    with alice.scope:
        remove_member(member_id=member.pk, actor=alice.actor)
    assert find_invitation(second) is None
    assert find_invitation(kept) is not None


def test_nobody_is_invited_into_test_mode(alice):
    with alice.scope:
        test = open_test_tenant(actor=alice.actor)
    with tenant_scope(test.id):
        with pytest.raises(Conflict) as refused:
            invite_member(email=NEW, role="analyst", actor=alice.actor)
        assert refused.value.code == "members_live"
        assert not Invitation.objects.exists()


def test_who_signs_up_elsewhere_while_they_join_is_told(alice, monkeypatch):
    """They looked before the account was there, and write after."""
    _, link = invite(alice)
    person = Person.objects.create_user(NEW, PASSWORD)
    for module in ("services", "invitations"):
        name = f"tenants.accounts.{module}.person_with"
        monkeypatch.setattr(name, lambda email: None, raising=False)
    with pytest.raises(Conflict) as refused:
        join_as_new(link=link, password="another phrase", actor=COMER)
    assert refused.value.code == "person_exists"
    assert find_invitation(link) is not None
    assert places(alice) == [("alice@example.com", "owner")]
    assert person.check_password(PASSWORD)


def test_an_address_that_no_mail_server_takes_is_refused(alice):
    with pytest.raises(AppError) as refused:
        invite(alice, email=f"dora@{'.'.join(['b' * 60] * 4)}.comxxxxxxxxxx")
    assert refused.value.code == "bad_email"
