"""The wall around persons: one's own row, the address of a sign-in, the members of a tenant."""

import pytest
from allauth.account.models import EmailAddress
from django.db import ProgrammingError, connection, transaction

from tenants.accounts.models import Person, Role
from tenants.accounts.services import add_member
from tenants.ids import uuid7
from tenants.isolation.scope import person_scope, sign_in_scope, tenant_scope

TABLES = ("accounts_person", "account_emailaddress")


def emails(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"select email from {table}")
        return {email for (email,) in cursor.fetchall()}


@pytest.fixture
def both(alice, bob):
    """Alice and Bob, each with a row in both tables."""
    for business in (alice, bob):
        with person_scope(business.owner.pk):
            EmailAddress.objects.create(user=business.owner, email=business.owner.email)
    return alice, bob


@pytest.mark.parametrize("table", TABLES)
def test_the_wall_is_forced(db, table):
    with connection.cursor() as cursor:
        cursor.execute(
            "select relrowsecurity, relforcerowsecurity from pg_class where oid = %s::regclass",
            [table],
        )
        assert cursor.fetchall() == [(True, True)]


@pytest.mark.parametrize("way", ["seqscan", "indexscan"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "query",
    [
        "select * from {}",
        "select * from {} where email = 'bob@example.com'",
        "select count(*) from {}",
        "update {} set email = email",
        "delete from {}",
    ],
)
def test_without_a_scope_every_query_raises_by_whatever_plan(both, table, query, way):
    """Rows by number and address are found by indexes, too, which meet none without a scope."""
    with (
        pytest.raises(ProgrammingError, match="no scope"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"set local enable_{'indexscan' if way == 'seqscan' else 'seqscan'} = off")
        cursor.execute(query.format(table))


def test_looking_for_somebody_by_their_number_raises_too(both):
    alice, _ = both
    with pytest.raises(ProgrammingError, match="no scope"), transaction.atomic():
        Person.objects.filter(pk=alice.owner.pk).first()


@pytest.mark.parametrize("table", TABLES)
def test_a_person_sees_themselves_alone(both, table):
    alice, _ = both
    with person_scope(alice.owner.pk):
        assert emails(table) == {"alice@example.com"}
    with person_scope(uuid7()):
        assert emails(table) == set()


@pytest.mark.parametrize("table", TABLES)
def test_a_sign_in_sees_the_person_with_that_address_alone(both, table):
    with sign_in_scope(" Bob@Example.com"):
        assert emails(table) == {"bob@example.com"}
    for other in ("", "nobody@example.com", "%"):
        with sign_in_scope(other):
            assert emails(table) == set()


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_sees_its_members_and_changes_none(both, table):
    alice, bob = both
    with alice.scope:
        assert emails(table) == {"alice@example.com"}
        add_member(person=bob.owner, role=Role.ANALYST, actor=alice.actor)
        assert emails(table) == {"alice@example.com", "bob@example.com"}
        with connection.cursor() as cursor:
            cursor.execute(f"update {table} set email = 'taken@example.com'")
            assert cursor.rowcount == 0
            cursor.execute(f"delete from {table}")
            assert cursor.rowcount == 0
    with bob.scope:
        assert emails(table) == {"bob@example.com"}
    with tenant_scope(uuid7()):
        assert emails(table) == set()


def test_nobody_is_made_under_another_address(db):
    with (
        sign_in_scope("new@example.com"),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        Person(email="other@example.com").save()
    with sign_in_scope("other@example.com"):
        assert emails("accounts_person") == set()


def test_a_tenant_makes_nobody(alice):
    with (
        alice.scope,
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        Person(email="other@example.com").save()


def test_nobody_can_hand_their_row_to_another(both):
    """Neither by the id of the person nor by the address, whatever the scope."""
    alice, bob = both
    with (
        person_scope(alice.owner.pk),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        EmailAddress.objects.update(user=bob.owner)


def test_a_sign_in_inside_a_tenants_scope_leaves_the_scope_as_it_was(both):
    alice, _ = both
    with alice.scope:
        with sign_in_scope("bob@example.com"):
            assert emails("accounts_person") == {"alice@example.com", "bob@example.com"}
        assert emails("accounts_person") == {"alice@example.com"}
    with (
        pytest.raises(ProgrammingError, match="no scope"),
        transaction.atomic(),
    ):
        emails("accounts_person")
