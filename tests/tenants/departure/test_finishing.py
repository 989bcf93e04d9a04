"""After the grace nothing is left of a tenant but its log's seals; nobody else loses anything."""

import hashlib
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.utils.timezone import now
from redis import Redis

from tenants.accounts.life import suspend_tenant
from tenants.accounts.models import Member, Person, Role, Tenant
from tenants.accounts.queries import find_key, memberships_of, person_with
from tenants.accounts.services import add_member
from tenants.accounts.siblings import open_test_tenant
from tenants.accounts.tokens import parse_token
from tenants.audit.actor import system
from tenants.audit.canonical import merkle_root
from tenants.audit.models import AuditEntry, Seal
from tenants.departure import finishing
from tenants.departure.finishing import deletion_order, finish, finish_due, finish_tenant
from tenants.departure.services import close_tenant
from tenants.errors import Conflict
from tenants.isolation.models import KnownTenant
from tenants.isolation.names import cache_name, shared_name
from tenants.isolation.scope import person_scope, sign_in_scope, tenant_scope
from tenants.work import duties, queue
from tenants.work.models import WorkItem, WorkShare
from tests.connections import as_owner, forget, let_time_pass
from tests.tenants.departure.leaving import make_export, put_files
from tests.tenants.isolation.rows import OWNED, fill_every_table

TABLES = [model._meta.db_table for model in OWNED]


def count(business, table: str) -> int:
    with business.scope, connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        return cursor.fetchone()[0]


def rows_of(business) -> dict[str, int]:
    """Rows of the tenant by table, where it has any, the shared tables included."""
    found = {table: count(business, table) for table in [*TABLES, "accounts_tenant"]}
    for model in (WorkItem, WorkShare, KnownTenant):
        table = model._meta.db_table
        found[table] = model.objects.filter(tenant_id=business.tenant.id).count()
    return {table: number for table, number in found.items() if number}


def names_of(business) -> list[bytes]:
    with Redis.from_url(settings.REDIS_URL) as redis:
        return [name for name in redis.scan_iter() if str(business.tenant.id).encode() in name]


def files_of(business, root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if str(business.tenant.id) in str(path)]


def fill(business) -> None:
    """Rows everywhere, files in every root, an export, names in Redis, queued work, a session."""
    make_export(business)
    put_files_beside_export(business)
    with business.scope:
        fill_every_table()
        cache.set(cache_name("popular"), [1], 60)
        queue.enqueue("upload", tenant_id=business.tenant.id, object_id=business.tenant.id)
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.set(shared_name("anything", business.tenant.id, "x"), 1, ex=60)
    with sign_in_scope(business.owner.email):
        EmailAddress.objects.create(user=business.owner, email=business.owner.email, primary=True)
    business.browser()


def put_files_beside_export(business) -> None:
    assert set(put_files(business)) == set(settings.TENANT_ROOTS)


def close(business) -> None:
    close_tenant(tenant_id=business.tenant.id, name=business.tenant.name, actor=business.actor)


@pytest.fixture
def two(committed, request):
    """Alice, full and closed; Bob, full; both committed."""
    alice, bob = committed("Alice"), committed("Bob")
    for business in (alice, bob):
        fill(business)
    close(alice)
    yield alice, bob
    for business in (alice, bob):
        Session.objects.all().delete()
        with person_scope(business.owner.id):
            EmailAddress.objects.filter(user_id=business.owner.id).delete()


def sessions_of(person) -> int:
    return sum(
        session.get_decoded().get("_auth_user_id") == str(person.id)
        for session in Session.objects.all()
    )


def assert_gone(alice, roots: Path) -> None:
    left = rows_of(alice)
    assert set(left) == {"audit_seal"}
    assert files_of(alice, roots) == []
    assert names_of(alice) == []
    with sign_in_scope(alice.owner.email):
        assert not Person.objects.filter(email=alice.owner.email).exists()
        assert not EmailAddress.objects.filter(email=alice.owner.email).exists()
    assert sessions_of(alice.owner) == 0


def test_nothing_is_left_but_the_seals_and_bob_keeps_everything(two, roots):
    alice, bob = two
    # What waits for its place in the log has been given it by the entries that followed.
    assert set(rows_of(alice)) | {"audit_auditwaiting"} >= set(TABLES)
    before, files, names = rows_of(bob), files_of(bob, roots), names_of(bob)
    let_time_pass(alice.tenant.id)
    assert finish_due() == 1
    assert_gone(alice, roots)
    assert rows_of(bob) == before
    assert files_of(bob, roots) == files and len(files) > len(settings.TENANT_ROOTS)
    assert names_of(bob) == names and names
    assert person_with(bob.owner.email) and sessions_of(bob.owner) == 1
    assert find_key(parse_token(bob.key)) is not None
    assert find_key(parse_token(alice.key)) is None
    assert memberships_of(alice.owner) == []
    assert finish_due() == 0


def test_the_last_seal_is_a_root_over_the_whole_log(two, monkeypatch):
    alice, _ = two
    hashes = []
    real = finishing._empty_members

    def look_first(tenant_id):
        with alice.scope:
            entries = AuditEntry.objects.order_by("seq")
            hashes.extend(bytes(one.entry_hash) for one in entries)
            assert entries.last().action == "tenant.finished"
        real(tenant_id)

    monkeypatch.setattr(finishing, "_empty_members", look_first)
    let_time_pass(alice.tenant.id)
    finish_due()
    with alice.scope:
        seal = Seal.objects.get(stream="log")
    assert (seal.count, bytes(seal.root)) == (len(hashes), merkle_root(hashes))
    assert seal.count > 3 and len(seal.root) == hashlib.sha256().digest_size


def test_the_time_before_is_refused_also_by_hand(two, roots):
    alice, _ = two
    before, files = rows_of(alice), files_of(alice, roots)
    assert finish_due() == 0
    with pytest.raises(Conflict) as refused:
        finish_tenant(alice.tenant.id)
    assert refused.value.code == "grace_not_over"
    assert not finish(alice.tenant.id)
    assert (rows_of(alice), files_of(alice, roots)) == (before, files)


def test_two_workers_are_never_at_one_tenant(two):
    alice, _ = two
    let_time_pass(alice.tenant.id)
    before = rows_of(alice)
    with as_owner() as other:
        line = "select from isolation_knowntenant where tenant_id = %s for update"
        other.execute(line, [alice.tenant.id])
        assert not finish(alice.tenant.id)
        assert rows_of(alice) == before
    assert finish(alice.tenant.id)


class Killed(BaseException):
    """What ends a process, as far as code inside it can tell."""


STEPS = ["_seal_log", "_empty_members", "_empty", "_destroy_outside", "_close_the_door"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_before_any_step_it_goes_on_where_it_was(two, roots, monkeypatch, step):
    alice, bob = two
    before = rows_of(bob)
    let_time_pass(alice.tenant.id)

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(finishing, step, killed)
        finish(alice.tenant.id)
    assert finish(alice.tenant.id)
    assert_gone(alice, roots)
    assert rows_of(bob) == before
    with alice.scope:
        assert Seal.objects.filter(stream="log").count() == 1


@pytest.mark.parametrize("after", [1, 4, 9])
def test_killed_within_the_tables_it_goes_on_with_the_next_batch(two, roots, monkeypatch, after):
    alice, _ = two
    monkeypatch.setattr(finishing, "BATCH", 2)
    real, calls = finishing._delete, []

    def dies(model, limit=None):
        calls.append(model)
        if len(calls) > after:
            raise Killed
        return real(model, limit)

    let_time_pass(alice.tenant.id)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(finishing, "_delete", dies)
        finish(alice.tenant.id)
    assert KnownTenant.objects.filter(pk=alice.tenant.id).exists()
    assert finish(alice.tenant.id)
    assert_gone(alice, roots)


def test_what_broke_is_tried_again_and_stops_no_other(two, committed, monkeypatch):
    alice, _ = two
    charlie = committed("Charlie")
    make_export(charlie)
    close(charlie)
    let_time_pass(alice.tenant.id, charlie.tenant.id)
    real = finishing._destroy_outside

    def breaks(tenant_id):
        if tenant_id == alice.tenant.id:
            raise OSError("no such disk")
        real(tenant_id)

    with monkeypatch.context() as patch:
        patch.setattr(finishing, "_destroy_outside", breaks)
        assert finish_due() == 1
    assert rows_of(charlie).keys() == {"audit_seal"}
    assert "accounts_tenant" in rows_of(alice)
    assert finish_due() == 1


def test_nobody_works_for_a_tenant_whose_time_is_over(two, settings):
    alice, bob = two
    let_time_pass(alice.tenant.id)
    seen = []
    settings.TENANT_DUTIES = [f"{__name__}.note"]
    SEEN.append(seen.append)
    duties.run_all()
    SEEN.clear()
    assert bob.tenant.id in seen and alice.tenant.id not in seen


SEEN: list = []


def note(tenant_id) -> None:
    for see in SEEN:
        see(tenant_id)


def test_leased_work_of_a_tenant_that_is_being_deleted_finds_its_lease_gone(two):
    alice, _ = two
    item = WorkItem.objects.filter(tenant_id=alice.tenant.id, state=WorkItem.WAITING).first()
    WorkItem.objects.filter(pk=item.pk).update(state=WorkItem.RUNNING, lease_token=1)
    lease = queue.Lease(item.pk, item.tenant_id, item.kind, item.object_id, 1, 1, 60)
    let_time_pass(alice.tenant.id)
    finish_due()
    with pytest.raises(queue.LeaseLost), tenant_scope(alice.tenant.id):
        queue.hold(lease)


def test_a_person_who_belongs_elsewhere_stays(two, roots):
    alice, bob = two
    with alice.scope:
        add_member(person=bob.owner, role=Role.ANALYST, actor=alice.actor)
    with bob.scope:
        add_member(person=alice.owner, role=Role.AUDITOR, actor=bob.actor)
    let_time_pass(alice.tenant.id)
    finish_due()
    assert person_with(alice.owner.email) and person_with(bob.owner.email)
    assert [tenant.id for _, tenant in memberships_of(alice.owner)] == [bob.tenant.id]
    with bob.scope:
        assert Member.objects.count() == 2


def test_the_test_tenant_goes_as_well(committed, roots):
    alice = committed("Alice")
    with alice.scope:
        test = open_test_tenant(actor=system("tests"))
    make_export(alice)
    close(alice)
    let_time_pass(alice.tenant.id, test.id)
    assert finish_due() == 2
    assert not KnownTenant.objects.filter(pk__in=[alice.tenant.id, test.id]).exists()
    with tenant_scope(test.id):
        assert not Tenant.objects.exists() and not AuditEntry.objects.exists()
        assert Seal.objects.filter(stream="log").count() == 1
    forget(test.id)


def test_what_is_suspended_while_it_closes_still_ends_in_time(two, roots):
    alice, _ = two
    suspend_tenant(tenant_id=alice.tenant.id, reason="Fraud.", actor=system("operator"))
    let_time_pass(alice.tenant.id)
    assert finish_due() == 1
    assert_gone(alice, roots)


@pytest.mark.parametrize("state", ["", Tenant.OPERATOR])
def test_a_line_in_the_register_alone_ends_no_tenant(two, roots, caplog, state):
    _, bob = two
    with bob.scope:
        Tenant.objects.update(suspended_at=now() if state else None, suspended_for=state)
    before, files = rows_of(bob), files_of(bob, roots)
    let_time_pass(bob.tenant.id)
    assert finish_due() == 0
    assert (rows_of(bob), files_of(bob, roots)) == (before, files)
    assert [one.levelname for one in caplog.records if str(bob.tenant.id) in one.message] == [
        "ERROR"
    ]
    with pytest.raises(Conflict) as refused:
        finish_tenant(bob.tenant.id)
    assert refused.value.code == "tenant_not_closing"
    assert rows_of(bob) == before


def test_every_table_of_a_tenant_comes_before_those_it_refers_to():
    order = deletion_order()
    assert set(order) == set(OWNED) - {Seal}
    for model in order:
        for field in model._meta.local_fields:
            target = field.related_model
            if target in order and target is not model:
                assert order.index(model) < order.index(target), (model, target)
