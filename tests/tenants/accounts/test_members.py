"""Another role, removal, and what keeps a tenant from losing its last owner."""

import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.utils.timezone import now

from tenants.accounts.invitations import invite_member
from tenants.accounts.models import Invitation, Member, Person, Role
from tenants.accounts.people import change_role, remove_member
from tenants.accounts.queries import memberships_of, person_with
from tenants.accounts.services import add_member
from tenants.audit.actor import Actor, system
from tenants.audit.models import AuditEntry
from tenants.errors import AppError, Conflict, Denied, NotFound
from tenants.isolation.scope import person_scope, sign_in_scope
from tests.business import PASSWORD, signed_in
from tests.connections import in_threads


def actor_of(member: Member) -> Actor:
    return Actor(type="member", ref=member.public_id, role=member.role, auth="test")


@pytest.fixture
def members(alice) -> dict[str, Member]:
    """One of each role; `owner` is Alice herself."""
    found = {}
    for role in (Role.ADMIN, Role.ANALYST):
        person = Person.objects.create_user(f"{role}@example.com", PASSWORD)
        with alice.scope:
            found[role.value] = add_member(person=person, role=role, actor=alice.actor)
    with alice.scope:
        found["owner"] = Member.objects.get(role="owner")
    return found


def standing(business) -> tuple[list, int]:
    """Members with their roles, and the length of the log."""
    with business.scope:
        found = sorted(Member.objects.values_list("person__email", "role"))
        return found, AuditEntry.objects.count()


def last_entry(business) -> tuple[str, str, dict]:
    with business.scope:
        entry = AuditEntry.objects.order_by("-seq").first()
        return entry.action, entry.object_id, entry.detail.get().details


def test_a_member_gets_another_role_at_once(alice, members):
    with alice.scope:
        change_role(member_id=members["analyst"].pk, role="admin", actor=actor_of(members["admin"]))
    assert last_entry(alice) == (
        "member.role_changed",
        members["analyst"].public_id,
        {"from": "analyst", "to": "admin"},
    )
    assert ("analyst@example.com", "admin") in standing(alice)[0]


def test_the_same_role_again_changes_nothing(alice, members):
    before = standing(alice)
    with alice.scope:
        change_role(
            member_id=members["analyst"].pk, role="analyst", actor=actor_of(members["owner"])
        )
    assert standing(alice) == before


def test_a_removed_member_belongs_to_the_tenant_no_more(alice, members):
    person = members["analyst"].person
    with alice.scope:
        remove_member(member_id=members["analyst"].pk, actor=actor_of(members["admin"]))
    assert memberships_of(person) == []
    assert last_entry(alice) == (
        "member.removed",
        members["analyst"].public_id,
        {"role": "analyst"},
    )


def remove(business, member: Member, actor: Actor) -> None:
    with business.scope:
        remove_member(member_id=member.pk, actor=actor)


def sessions_of(person: Person) -> int:
    return sum(
        session.get_decoded().get("_auth_user_id") == str(person.id)
        for session in Session.objects.all()
    )


def test_who_is_a_member_nowhere_any_more_is_forgotten_with_addresses_and_sessions(alice, members):
    person, owner = members["analyst"].person, actor_of(members["owner"])
    with person_scope(person.pk):
        EmailAddress.objects.create(user=person, email=person.email)
    signed_in(person)
    signed_in(alice.owner)
    remove(alice, members["analyst"], owner)
    assert person_with(person.email) is None
    with sign_in_scope(person.email):
        assert not EmailAddress.objects.filter(email=person.email).exists()
    assert (sessions_of(person), sessions_of(alice.owner)) == (0, 1)
    assert person_with("admin@example.com") and person_with("alice@example.com")


def test_who_is_a_member_elsewhere_keeps_their_account(alice, bob, members):
    with alice.scope:
        guest = add_member(person=bob.owner, role=Role.ANALYST, actor=alice.actor)
    signed_in(bob.owner)
    remove(alice, guest, actor_of(members["owner"]))
    assert [tenant.id for _, tenant in memberships_of(bob.owner)] == [bob.tenant.id]
    assert sessions_of(bob.owner) == 1


def test_who_is_asked_in_again_keeps_their_account(alice, members):
    person, owner = members["analyst"].person, actor_of(members["owner"])
    with alice.scope:
        Invitation.objects.create(
            email=person.email,
            role=Role.ADMIN,
            hash=b"x",
            invited_by=owner.ref,
            expires_at=now() + timedelta(days=1),
        )
    remove(alice, members["analyst"], actor_of(members["admin"]))
    assert person_with(person.email) == person


def test_a_place_that_is_given_meanwhile_keeps_the_person(committed):
    alice, bob = committed("Alice"), committed("Bob")
    with alice.scope:
        add_member(person=bob.owner, role=Role.OWNER, actor=alice.actor)
        first = Member.objects.get(person=alice.owner)
    given, tried = Event(), Event()

    def give() -> None:
        with bob.scope:
            add_member(person=alice.owner, role=Role.ANALYST, actor=bob.actor)
            given.set()
            tried.wait(0.5)  # what waits for our lock cannot tell us

    def take() -> None:
        given.wait(5)
        remove(alice, first, system("tests"))
        tried.set()

    in_threads([give, take])
    assert [tenant.id for _, tenant in memberships_of(alice.owner)] == [bob.tenant.id]


@pytest.mark.parametrize(
    "who, whom, role, kind, code",
    [
        ("admin", "owner", "analyst", Denied, "owner_only"),
        ("admin", "analyst", "owner", Denied, "owner_only"),
        ("admin", "admin", "analyst", Conflict, "own_role"),
        ("owner", "owner", "admin", Conflict, "own_role"),
        ("owner", "analyst", "king", AppError, "unknown_role"),
    ],
)
def test_a_change_of_role_that_is_not_allowed_changes_nothing(
    alice, members, who, whom, role, kind, code
):
    before = standing(alice)
    with alice.scope, pytest.raises(kind) as refused:
        change_role(member_id=members[whom].pk, role=role, actor=actor_of(members[who]))
    assert refused.value.code == code
    assert standing(alice) == before


@pytest.mark.parametrize(
    "who, kind, code",
    [("admin", Denied, "owner_only"), ("owner", Conflict, "last_owner")],
)
def test_the_last_owner_is_not_removed(alice, members, who, kind, code):
    before = standing(alice)
    with alice.scope, pytest.raises(kind) as refused:
        remove_member(member_id=members["owner"].pk, actor=actor_of(members[who]))
    assert refused.value.code == code
    assert standing(alice) == before


def test_an_owner_makes_another_and_may_then_go(alice, members):
    with alice.scope:
        owner = actor_of(members["owner"])
        change_role(member_id=members["admin"].pk, role="owner", actor=owner)
        remove_member(member_id=members["owner"].pk, actor=owner)
    assert standing(alice)[0] == [
        ("admin@example.com", "owner"),
        ("analyst@example.com", "analyst"),
    ]


def test_two_owners_cannot_unmake_each_other_at_once(committed):
    alice, bob = committed("Alice"), committed("Bob")
    with alice.scope:
        second = add_member(person=bob.owner, role=Role.OWNER, actor=alice.actor)
        first = Member.objects.get(person=alice.owner)

    def unmake(whom: Member, who: Member):
        def act() -> str:
            try:
                with alice.scope:
                    change_role(member_id=whom.pk, role="admin", actor=actor_of(who))
            except Denied as refused:
                return refused.code
            return "done"

        return act

    results = in_threads([unmake(first, second), unmake(second, first)])
    assert sorted(results) == ["done", "standing_changed"]
    with alice.scope:
        assert Member.objects.filter(role="owner").count() == 1


def test_another_tenants_member_is_not_found(alice, bob, members):
    before = standing(alice)
    with bob.scope:
        for act in (remove_member, change_role):
            more = {"role": "admin"} if act is change_role else {}
            with pytest.raises(NotFound):
                act(member_id=members["analyst"].pk, actor=bob.actor, **more)
    assert standing(alice) == before


@pytest.mark.parametrize("spoil", ["removed", "demoted", "no member"])
@pytest.mark.parametrize("act", ["invite", "change", "remove"])
def test_who_is_not_what_they_were_changes_nothing_any_more(alice, members, act, spoil):
    """A request that was under way when its sender was removed or got another role."""
    gone = actor_of(members["admin"])
    with alice.scope:
        if spoil == "removed":
            remove_member(member_id=members["admin"].pk, actor=alice.actor)
        if spoil == "demoted":
            change_role(member_id=members["admin"].pk, role="analyst", actor=alice.actor)
        if spoil == "no member":
            gone = replace(gone, ref=alice.owner.public_id)
    before = standing(alice)
    with alice.scope, pytest.raises(Denied) as refused:
        if act == "invite":
            invite_member(email="new@example.com", role="admin", actor=gone)
        if act == "change":
            change_role(member_id=members["analyst"].pk, role="admin", actor=gone)
        if act == "remove":
            remove_member(member_id=members["analyst"].pk, actor=gone)
    assert refused.value.code == "standing_changed"
    assert standing(alice) == before
    with alice.scope:
        assert not Invitation.objects.exists()


@pytest.mark.parametrize("first", ["remove", "invite"])
def test_who_is_removed_while_they_invite_leaves_no_open_invitation(committed, first):
    """Whichever comes first: the other waits for its end and sees what it did."""
    alice, bob = committed("Alice"), committed("Bob")
    with alice.scope:
        admin = add_member(person=bob.owner, role=Role.ADMIN, actor=alice.actor)
    begun = Event()

    def remove() -> None:
        remove_member(member_id=admin.pk, actor=alice.actor)

    def invite() -> None:
        with suppress(Denied):
            invite_member(email="friend@example.com", role="admin", actor=actor_of(admin))

    acts = {"remove": remove, "invite": invite}

    def lead() -> None:
        with alice.scope:
            acts[first]()
            begun.set()
            time.sleep(0.5)  # long enough for the other to arrive before this commits

    def follow() -> None:
        assert begun.wait(10)
        with alice.scope:
            acts["invite" if first == "remove" else "remove"]()

    in_threads([lead, follow])
    with alice.scope:
        assert not Member.objects.filter(pk=admin.pk).exists()
        assert not Invitation.objects.filter(withdrawn_at=None).exists()
