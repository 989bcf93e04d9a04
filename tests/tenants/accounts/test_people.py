"""Tenants and the people who sign in for them."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils.timezone import now

from tenants.access.rights import RIGHTS_OF, SCOPES, Right
from tenants.accounts.models import Member, Person, Role, Tenant
from tenants.accounts.queries import memberships_of, person_with
from tenants.accounts.services import add_member, create_tenant
from tenants.accounts.siblings import open_test_tenant
from tenants.audit.actor import system
from tenants.audit.models import AuditEntry
from tenants.errors import AppError, Conflict
from tenants.isolation.models import KnownTenant
from tenants.isolation.scope import person_scope, tenant_scope

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def no_earlier_attempts():
    """The limit on failed sign-ins counts in the cache, which no test rolls back."""
    cache.clear()


def sign_in(email: str, password: str):
    return Client().post("/accounts/login/", {"login": email, "password": password})


def told(business) -> list[tuple[str, str, str, str]]:
    with business.scope:
        return list(
            AuditEntry.objects.filter(seq__gt=3)
            .order_by("seq")
            .values_list("action", "actor_type", "actor_ref", "outcome")
        )


def member_of(business) -> Member:
    with business.scope:
        return Member.objects.get(person=business.owner)


def test_a_tenant_is_made_with_its_owner_and_its_place_in_the_register(db):
    owner = Person.objects.create_user("Owner@Example.com", PASSWORD)
    tenant = create_tenant(name="  Shop ", actor=system("tests"), owner=owner)
    assert owner.email == "owner@example.com"
    assert KnownTenant.objects.filter(tenant_id=tenant.id).exists()
    ((member, found),) = memberships_of(owner)
    assert (member.role, found.name) == (Role.OWNER, "Shop")


@pytest.mark.parametrize(
    "wrong, code",
    [({"name": " "}, "name_missing"), ({"timezone": "Mars/Olympus"}, "unknown_timezone")],
)
def test_a_tenant_that_makes_no_sense_is_not_made(db, wrong, code):
    before = KnownTenant.objects.count()
    with pytest.raises(AppError) as refused:
        create_tenant(**{"name": "Shop", "actor": system("tests"), **wrong})
    assert refused.value.code == code
    assert KnownTenant.objects.count() == before


def test_a_person_is_a_member_once(alice, bob):
    with alice.scope:
        add_member(person=bob.owner, role=Role.ANALYST, actor=alice.actor)
        with pytest.raises(Conflict):
            add_member(person=bob.owner, role=Role.OWNER, actor=alice.actor)
    assert [m.role for m, _ in memberships_of(bob.owner)] == ["owner", "analyst"]
    assert told(alice) == [("member.added", "member", alice.member, "success")]


def test_a_suspended_tenant_comes_last_and_one_that_is_being_deleted_not_at_all(alice, bob):
    with bob.scope:
        add_member(person=alice.owner, role=Role.ANALYST, actor=bob.actor)
    with alice.scope:
        Tenant.objects.update(suspended_at=now(), suspended_for=Tenant.CLOSING)
    assert [t.name for _, t in memberships_of(alice.owner)] == ["Bob's shop", "Alice's shop"]
    with alice.scope:
        Tenant.objects.update(suspended_for=Tenant.CLOSED)
    assert [t.name for _, t in memberships_of(alice.owner)] == ["Bob's shop"]


def test_a_suspended_test_tenant_is_nobodys_place(alice):
    with alice.scope:
        test = open_test_tenant(actor=system("tests"))
    assert [t.name for _, t in memberships_of(alice.owner)] == [
        "Alice's shop",
        "Alice's shop (test)",
    ]
    with tenant_scope(test.id):
        Tenant.objects.update(suspended_at=now())
    assert [t.name for _, t in memberships_of(alice.owner)] == ["Alice's shop"]


def test_signing_in_stands_in_the_log_of_each_tenant_of_the_person(alice, bob):
    with alice.scope:
        add_member(person=bob.owner, role=Role.ANALYST, actor=alice.actor)
        guest = Member.objects.get(person=bob.owner)
    reply = sign_in("bob@example.com", PASSWORD)
    assert reply.status_code == 302
    assert told(bob) == [
        ("member.signed_in", "member", member_of(bob).public_id, "success"),
    ]
    assert told(alice)[1:] == [("member.signed_in", "member", guest.public_id, "success")]
    with bob.scope:
        entry = AuditEntry.objects.get(action="member.signed_in")
    assert (entry.actor_role, entry.actor_auth) == ("owner", "password")
    assert entry.request_id == reply["X-Request-Id"]


def test_a_refused_sign_in_stands_in_the_log_and_names_nobody_as_its_actor(alice, bob):
    """Acceptance statement 35: a denial persists."""
    assert sign_in("Alice@example.com", "wrong").status_code == 200
    assert told(alice) == [("member.sign_in_refused", "person", "", "denied")]
    assert told(bob) == []
    with alice.scope:
        entry = AuditEntry.objects.get(action="member.sign_in_refused")
    assert entry.object_id == member_of(alice).public_id


def test_a_stranger_who_tries_leaves_no_entry_and_no_account(alice):
    assert sign_in("nobody@example.com", "wrong").status_code == 200
    assert told(alice) == []
    reply = Client().post(
        "/accounts/signup/",
        {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD},
    )
    assert reply.status_code == 404
    assert person_with("new@example.com") is None


def test_somebody_who_was_switched_off_cannot_sign_in(alice):
    with person_scope(alice.owner.pk):
        Person.objects.filter(pk=alice.owner.pk).update(is_active=False)
    sign_in("alice@example.com", PASSWORD)
    assert "member.signed_in" not in {action for action, *_ in told(alice)}


def test_each_role_has_exactly_its_rights():
    read = {Right.READ_OVERVIEW, Right.READ_EVENTS, Right.READ_CONSENTS, Right.READ_MODELS}
    work = read | {Right.WRITE_EVENTS, Right.READ_RECOMMENDATIONS, Right.READ_USAGE}
    assert {
        "owner": set(Right),
        "admin": set(Right) - {Right.MANAGE_TENANT},
        "analyst": work,
        "auditor": {Right.READ_AUDIT},
    } == RIGHTS_OF
    assert set(RIGHTS_OF) == set(Role.values)


def test_a_key_can_be_given_no_right_that_only_people_have():
    assert set(Right) - SCOPES == {
        Right.MANAGE_KEYS,
        Right.READ_OVERVIEW,
        Right.MANAGE_MEMBERS,
        Right.MANAGE_TENANT,
    }
