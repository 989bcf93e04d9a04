"""No scope, no rows: the database itself keeps tenants apart."""

import pytest
from django.db import ProgrammingError, connection, transaction

from tenants.accounts.models import APIKey, Tenant
from tenants.isolation.scope import NoTenantScope, current_tenant, person_scope, tenant_scope


def raw_count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        return cursor.fetchone()[0]


def test_a_query_outside_a_scope_raises(alice):
    with pytest.raises(ProgrammingError, match="no tenant scope"), transaction.atomic():
        raw_count("accounts_apikey")


def test_a_scope_sees_its_own_rows_alone(alice, bob):
    with alice.scope:
        assert raw_count("accounts_apikey") == 1
        assert list(Tenant.objects.values_list("name", flat=True)) == ["Alice's shop"]
        assert not Tenant.objects.filter(id=bob.tenant.id).exists()


def test_a_row_cannot_be_written_for_another_tenant(alice, bob):
    with alice.scope:
        key = APIKey.objects.get()
        key.tenant_id = bob.tenant.id
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            key.save()
    with bob.scope:
        assert APIKey.objects.count() == 1


def test_an_inner_scope_gives_the_outer_one_back(alice, bob):
    with alice.scope:
        with bob.scope:
            assert current_tenant() == bob.tenant.id
        assert current_tenant() == alice.tenant.id
        assert list(Tenant.objects.values_list("id", flat=True)) == [alice.tenant.id]


def test_a_failed_inner_scope_gives_the_outer_one_back(alice, bob):
    with alice.scope:
        with pytest.raises(ZeroDivisionError), bob.scope:
            1 / 0
        assert list(Tenant.objects.values_list("id", flat=True)) == [alice.tenant.id]


def test_nothing_of_a_scope_is_left_behind(alice):
    with alice.scope:
        pass
    with pytest.raises(NoTenantScope):
        current_tenant()
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('app.tenant_id', true)")
        assert not cursor.fetchone()[0]


def test_a_person_sees_their_own_memberships_and_changes_none(alice, bob):
    with person_scope(alice.owner.id):
        assert list(Tenant.objects.values_list("id", flat=True)) == [alice.tenant.id]
        with pytest.raises(ProgrammingError), transaction.atomic():
            raw_count("accounts_apikey")
        with connection.cursor() as cursor:
            cursor.execute("update accounts_member set role = 'auditor'")
            assert cursor.rowcount == 0


def test_a_work_scope_of_a_random_tenant_is_empty(alice):
    from uuid import uuid4

    with tenant_scope(uuid4()):
        assert raw_count("accounts_apikey") == 0
