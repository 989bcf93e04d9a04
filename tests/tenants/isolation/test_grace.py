"""The grace before a tenant's end is the database's: no code of ours is asked, none can shorten it.

Every statement here is raw SQL as the application's role, which a thief would have.
"""

from datetime import timedelta

import pytest
from django.db import ProgrammingError, connection
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.isolation.models import KnownTenant, standing
from tenants.isolation.policies import APP_ROLE
from tests.connections import let_time_pass
from tests.tenants.isolation.rows import fill_every_table

GUARDED = (
    "audit_auditentry", "audit_audithead", "audit_sealedrow", "consent_consentrecord",
    "consent_notice", "jobs_snapshotsubject",
)  # fmt: skip
SET = "update isolation_knowntenant set closes_at = %s where tenant_id = %s"


def run(business, statement: str, *params: object) -> int:
    with business.scope, connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount


def refused(business, match: str, statement: str, *params: object) -> None:
    with pytest.raises(ProgrammingError, match=match):
        run(business, statement, *params)


def end_of(business):
    return KnownTenant.objects.get(pk=business.tenant.id).closes_at


@pytest.mark.parametrize("table", GUARDED)
def test_what_is_append_only_is_deleted_neither_before_the_end_is_set_nor_before_it_comes(
    alice, table
):
    with alice.scope:
        fill_every_table()
        before = AuditEntry.objects.count()
    refused(alice, "append-only", f"delete from {table}")
    assert run(alice, SET, now() + timedelta(days=8), alice.tenant.id) == 1
    refused(alice, "append-only", f"delete from {table}")
    with alice.scope:
        assert AuditEntry.objects.count() == before


def test_the_queue_is_deleted_no_sooner(alice):
    insert = "insert into work_workitem (tenant_id, kind, object_id, queue, state, again, code, attempts, lease_token, lease_owner, expected) values (%s, 'upload', %s, 'default', 'done', false, '', 0, 0, '', 0)"  # noqa: E501
    assert run(alice, insert, alice.tenant.id, alice.tenant.id) == 1
    refused(alice, "append-only", "delete from work_workitem")


@pytest.mark.parametrize("days", [-1, 0, 6.9])
def test_an_end_in_the_past_or_sooner_than_in_seven_days_is_refused(alice, days):
    refused(alice, "seven days", SET, now() + timedelta(days=days), alice.tenant.id)
    assert end_of(alice) is None


def test_an_end_cannot_be_moved_earlier_than_seven_days_from_now(alice):
    end = now() + timedelta(days=30)
    run(alice, SET, end, alice.tenant.id)
    refused(alice, "seven days", SET, now() + timedelta(days=1), alice.tenant.id)
    assert end_of(alice) == end
    assert run(alice, SET, None, alice.tenant.id) == 1


def test_the_end_of_another_tenant_cannot_be_set(alice, bob):
    later = now() + timedelta(days=30)
    refused(bob, "inside its own scope", SET, later, alice.tenant.id)
    with pytest.raises(ProgrammingError, match="no tenant scope"), connection.cursor() as cursor:
        cursor.execute(SET, [later, alice.tenant.id])


def test_a_line_of_the_register_is_neither_forged_nor_renamed_nor_deleted(alice):
    forged = "insert into isolation_knowntenant (tenant_id, created_at, closes_at) values (%s, now(), now())"  # noqa: E501
    refused(alice, "seven days", forged, "01890000-0000-7000-8000-000000000000")
    refused(alice, "permission denied", "update isolation_knowntenant set tenant_id = tenant_id")
    line = "delete from isolation_knowntenant where tenant_id = %s"
    refused(alice, "allows no DELETE", line, alice.tenant.id)
    refused(alice, "permission denied", "truncate isolation_knowntenant")
    assert end_of(alice) is None


def test_only_the_end_may_be_updated_in_the_register(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "select column_name from information_schema.column_privileges where grantee = %s "
            "and table_name = 'isolation_knowntenant' and privilege_type = 'UPDATE'",
            [APP_ROLE],
        )
        assert cursor.fetchall() == [("closes_at",)]


@pytest.mark.parametrize("path", ["pg_temp, public", "public, pg_temp"])
def test_a_temporary_table_does_not_pass_for_the_register(alice, path):
    stand_in = (
        "create temporary table isolation_knowntenant on commit drop as "
        "select %s::uuid as tenant_id, now() - interval '1 day' as closes_at"
    )
    with (
        pytest.raises(ProgrammingError, match="append-only"),
        alice.scope,
        connection.cursor() as cursor,
    ):
        cursor.execute(stand_in, [alice.tenant.id])
        cursor.execute(f"set local search_path = {path}")
        cursor.execute("delete from audit_auditentry")


def test_the_triggers_cannot_be_taken_off_by_the_application(alice):
    for table in ("audit_auditentry", "isolation_knowntenant"):
        refused(alice, "must be owner", f"alter table {table} disable trigger user")
    refused(alice, "permission denied", "set session_replication_role = replica")


def test_once_the_time_is_over_it_may_go_cannot_come_back_and_the_seals_stay(committed):
    alice, bob = committed("Alice"), committed("Bob")
    with alice.scope:
        fill_every_table()
    assert {alice.tenant.id, bob.tenant.id} <= set(standing())
    let_time_pass(alice.tenant.id)
    assert alice.tenant.id not in standing() and bob.tenant.id in standing()
    refused(alice, "allows no UPDATE", SET, None, alice.tenant.id)
    refused(alice, "permission denied", "delete from audit_seal")
    refused(alice, "permission denied", "update audit_auditentry set action = 'x'")
    refused(bob, "append-only", "delete from audit_auditentry")
    assert run(alice, "delete from audit_auditdetail") == 3
    assert run(alice, "delete from audit_auditentry") == 3
