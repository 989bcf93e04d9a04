"""Every table of a tenant stands behind its wall; every other table says why it does not."""

import psycopg
import pytest
from django.apps import apps
from django.db import IntegrityError, ProgrammingError, connection, models, transaction

from tenants.isolation.models import TenantForeignKey, TenantOwned
from tenants.isolation.policies import APP_ROLE
from tests.connections import as_owner, in_threads
from tests.tenants.isolation.rows import OWNED, fill_every_table, make_row

TABLES = [model._meta.db_table for model in OWNED]
FREE = {"select", "insert", "update", "delete"}
WRITE_ONCE = {"select", "insert"}
# What the application may do where it may not do everything.
RIGHTS = {
    # Where DELETE is guarded by a trigger until the tenant's time is over: see test_closing.py.
    "audit_auditentry": WRITE_ONCE | {"delete"},
    "audit_auditdetail": WRITE_ONCE | {"delete"},
    # Where a trigger lets go only what stands in the log, see test_linking.py.
    "audit_auditwaiting": WRITE_ONCE | {"delete"},
    "audit_auditcheckpoint": WRITE_ONCE | {"delete"},
    "audit_seal": WRITE_ONCE,
    "audit_sealedrow": WRITE_ONCE | {"delete"},
    "consent_consentrecord": WRITE_ONCE | {"delete"},
    "consent_notice": WRITE_ONCE | {"delete"},
    "jobs_snapshotsubject": WRITE_ONCE | {"delete"},
    "behaviour_eventbatch": WRITE_ONCE | {"delete"},
    "consent_consentflag": WRITE_ONCE | {"delete"},
    "erasure_erasurestatement": WRITE_ONCE | {"delete"},
    "consent_usetable": WRITE_ONCE | {"delete"},
    "consent_consentsignal": WRITE_ONCE | {"delete"},
    "consent_signaltable": WRITE_ONCE | {"delete"},
    "rights_requeststep": WRITE_ONCE | {"delete"},
    "rights_correction": WRITE_ONCE | {"delete"},
    "recommend_decision": WRITE_ONCE | {"delete"},
    "isolation_knowntenant": WRITE_ONCE | {"delete"},
    "django_migrations": {"select"},
}
# Tables of no tenant, each with its reason.
SHARED = {
    "accounts_tenant": "the tenant itself: behind the same wall, by its own id",
    "accounts_person": "belongs to several tenants: behind a wall of its own, see test_persons",
    "account_emailaddress": "allauth's addresses of a person: behind the same wall",
    "account_emailconfirmation": "allauth's confirmations of such an address; never used",
    "auth_group": "Django's; nothing is ever stored there",
    "auth_group_permissions": "Django's; nothing is ever stored there",
    "auth_permission": "Django's names of permissions; nobody is given one",
    "django_content_type": "Django's names of models",
    "django_migrations": "which migrations ran",
    "django_session": "a browser's session: a random key and a signed-in person, no tenant's data",
    "isolation_knowntenant": "the register that periodic duties walk: identifiers and ends alone",
    "jobs_device": "the machines that train, of the installation and not of any tenant",
    "work_workshare": "how much of a queue each tenant used: tenant, seconds, weight",
    "work_workitem": "the queue that workers look at: tenant, kind, id and lease, no payload",
}
# Foreign keys that are plain although they lead to a tenant's table.
PLAIN = {
    "behaviour.Event.subject": "checked by the one statement that stores events; no lock per row",
    "behaviour.Event.item": "the same",
}


@pytest.fixture
def two_full_tenants(alice, bob):
    with alice.scope:
        fill_every_table()
    return alice, bob


def rows_of(query: str, *params: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return cursor.fetchall()


@pytest.mark.parametrize("table", TABLES)
def test_row_level_security_is_forced_with_a_policy_for_all(db, table):
    assert rows_of(
        "select relrowsecurity, relforcerowsecurity from pg_class where oid = %s::regclass", table
    ) == [(True, True)]
    policies = rows_of("select policyname, cmd, qual from pg_policies where tablename = %s", table)
    walls = [(cmd, rule) for name, cmd, rule in policies if name == "tenant_wall"]
    assert [cmd for cmd, _ in walls] == ["ALL"]
    assert "app_tenant" in walls[0][1]
    assert {cmd for name, cmd, _ in policies if name != "tenant_wall"} <= {"SELECT"}


def test_only_memberships_and_tenants_are_also_read_by_the_person(db):
    others = rows_of(
        "select tablename from pg_policies where policyname <> 'tenant_wall' "
        "and tablename not in ('accounts_person', 'account_emailaddress')"
    )
    assert sorted(others) == [("accounts_member",), ("accounts_tenant",)]


def test_every_table_without_a_tenant_is_listed_with_its_reason(db):
    found = {
        table for (table,) in rows_of("select tablename from pg_tables where schemaname = 'public'")
    }
    assert found - set(TABLES) == set(SHARED)
    assert set(TABLES) <= found


def test_every_table_grants_the_application_what_is_meant_and_no_more(db):
    granted: dict[str, set[str]] = {}
    for table, verb in rows_of(
        "select table_name, lower(privilege_type) from information_schema.role_table_grants "
        "where grantee in (%s, 'PUBLIC') and table_schema = 'public'",
        APP_ROLE,
    ):
        granted.setdefault(table, set()).add(verb)
    assert granted == {table: RIGHTS.get(table, FREE) for table in {*TABLES, *SHARED}}


def test_the_applications_role_is_no_owner_and_bypasses_nothing(db):
    assert rows_of(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles "
        "where rolname = current_user"
    ) == [(APP_ROLE, False, False, False, False)]
    owned = "select count(*) from pg_class where relowner = %s::regrole and relpersistence = 'p'"
    assert rows_of(owned, APP_ROLE) == [(0,)]
    memberships = "select count(*) from pg_auth_members where member = %s::regrole"
    assert rows_of(memberships, APP_ROLE) == [(0,)]
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        rows_of("create table mine (id int)")


def test_no_function_runs_with_its_owners_rights(db):
    assert (
        rows_of(
            "select proname from pg_proc where prosecdef and pronamespace = 'public'::regnamespace"
        )
        == []
    )


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model._meta.label)
def test_references_stay_inside_the_tenant(db, model):
    for field in model._meta.local_fields:
        if not isinstance(field, models.ForeignKey):
            continue
        if not isinstance(field, TenantForeignKey):
            name = f"{model._meta.label}.{field.name}"
            assert not issubclass(field.related_model, TenantOwned) or name in PLAIN, name
            continue
        target = field.related_model._meta.db_table
        (definition,) = [
            text
            for (text,) in rows_of(
                "select pg_get_constraintdef(oid) from pg_constraint "
                "where conrelid = %s::regclass and contype = 'f' and conname = %s",
                model._meta.db_table,
                f"{model._meta.db_table}_{field.column}_tenant_fk",
            )
        ]
        assert definition.startswith(
            f"FOREIGN KEY (tenant_id, {field.column}) REFERENCES {target}(tenant_id, id)"
        )


def test_every_plain_reference_that_is_excused_exists():
    for name in PLAIN:
        label, _, field = name.rpartition(".")
        assert not isinstance(apps.get_model(label)._meta.get_field(field), TenantForeignKey)


def test_a_query_on_any_table_raises_outside_a_scope(two_full_tenants):
    for table in TABLES:
        with pytest.raises(ProgrammingError, match=r"no (tenant )?scope"), transaction.atomic():
            rows_of(f"select * from {table}")


def test_a_query_on_any_table_without_a_filter_leaks_nothing(two_full_tenants):
    alice, bob = two_full_tenants
    for table in TABLES:
        with alice.scope:
            assert {tenant for (tenant,) in rows_of(f"select tenant_id from {table}")} == {
                alice.tenant.id
            }, table
        with bob.scope:
            query = f"select count(*) from {table} where tenant_id = %s"
            assert rows_of(query, alice.tenant.id) == [(0,)], table


def test_copy_out_of_any_table_obeys_the_wall(two_full_tenants):
    alice, bob = two_full_tenants
    for table in TABLES:
        query = f"copy (select tenant_id from {table}) to stdout"
        with bob.scope, connection.cursor() as cursor, cursor.copy(query) as copy:
            assert str(alice.tenant.id).encode() not in b"".join(map(bytes, copy)), table
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            transaction.atomic(),
            connection.cursor() as cursor,
            cursor.copy(f"copy {table} to stdout") as copy,
        ):
            list(copy)


def test_copy_into_any_table_is_refused(two_full_tenants):
    alice, _ = two_full_tenants
    for table in TABLES:
        with (
            pytest.raises(psycopg.Error, match="row-level security"),
            alice.scope,
            connection.cursor() as cursor,
            cursor.copy(f"copy {table} (tenant_id) from stdin") as copy,
        ):
            copy.write(f"{alice.tenant.id}\n")


def test_no_row_of_any_table_can_be_moved_to_another_tenant(two_full_tenants):
    alice, bob = two_full_tenants
    for table in TABLES:
        refused = "row-level security|permission denied|append-only"
        with (
            pytest.raises(ProgrammingError, match=refused),
            alice.scope,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"update {table} set tenant_id = %s", [bob.tenant.id])


def test_no_row_of_any_table_can_be_inserted_for_another_tenant(two_full_tenants):
    alice, bob = two_full_tenants
    with alice.scope:
        rows = fill_every_table()
    for model, row in rows.items():
        with bob.scope:
            copied = {
                field.attname: getattr(row, field.attname)
                for field in model._meta.concrete_fields
                if not field.generated and field.name != "pk"
            }
            with pytest.raises((ProgrammingError, IntegrityError)), transaction.atomic():
                model(**copied).save(force_insert=True)
    with alice.scope:
        assert {model: model.objects.count() for model in rows} == dict.fromkeys(rows, 1) | {
            model: model.objects.count() for model in rows if model._meta.app_label == "audit"
        }


def test_nothing_of_another_tenant_can_be_changed_or_deleted(two_full_tenants):
    alice, bob = two_full_tenants
    for table in TABLES:
        allowed = RIGHTS.get(table, FREE)
        with bob.scope, connection.cursor() as cursor:
            if "update" in allowed:
                query = f"update {table} set tenant_id = tenant_id where tenant_id = %s"
                cursor.execute(query, [alice.tenant.id])
                assert cursor.rowcount == 0, table
            if "delete" in allowed:
                cursor.execute(f"delete from {table} where tenant_id = %s", [alice.tenant.id])
                assert cursor.rowcount == 0, table


REFERENCES = [
    (model, field)
    for model in OWNED
    for field in model._meta.local_fields
    if isinstance(field, TenantForeignKey)
]


@pytest.mark.parametrize(
    "model, field", REFERENCES, ids=[f"{m._meta.label}.{f.name}" for m, f in REFERENCES]
)
def test_a_row_cannot_refer_to_another_tenants_row(alice, bob, model, field):
    with alice.scope:
        target = fill_every_table()[field.related_model]
    with bob.scope:
        foreign = type(target)(pk=target.pk)
        with pytest.raises(IntegrityError, match=f"{field.column}_tenant_fk"), transaction.atomic():
            make_row(model, {}, **{field.name: foreign})
            with connection.cursor() as cursor:
                cursor.execute("set constraints all immediate")


def test_the_owner_is_bound_by_the_walls_too(committed):
    alice = committed("Alice")
    with as_owner() as owner, pytest.raises(psycopg.Error, match="no tenant scope"):
        owner.execute("select * from accounts_apikey")
    with as_owner(alice.tenant.id) as owner:
        owner.execute("select distinct tenant_id from accounts_apikey")
        assert owner.fetchall() == [(alice.tenant.id,)]


def test_a_connection_carries_no_scope_over_to_its_next_transaction(committed):
    alice = committed("Alice")
    with alice.scope:
        assert len(rows_of("select * from accounts_apikey")) == 1
    with pytest.raises(ProgrammingError, match="no tenant scope"):
        rows_of("select * from accounts_apikey")
    with pytest.raises(ZeroDivisionError), alice.scope:
        1 / 0
    with pytest.raises(ProgrammingError, match="no tenant scope"):
        rows_of("select * from accounts_apikey")


def test_threads_share_no_scope(committed):
    alice, bob = committed("Alice"), committed("Bob")

    def outside() -> str:
        with pytest.raises(ProgrammingError) as raised:
            rows_of("select * from accounts_apikey")
        return str(raised.value)

    def inside(business):
        def keys() -> list[tuple[object, ...]]:
            with business.scope:
                return rows_of("select tenant_id from accounts_apikey")

        return keys

    with alice.scope:
        found = in_threads([outside, inside(bob), inside(alice)] * 3)
    assert all("no tenant scope" in message for message in found[::3])
    assert found[1::3] == [[(bob.tenant.id,)]] * 3
    assert found[2::3] == [[(alice.tenant.id,)]] * 3
