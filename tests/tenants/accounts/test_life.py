"""Suspended, resumed, limited, renamed: what each changes, and what it leaves alone."""

from threading import Event

import pytest
from django.test import Client

from tenants.accounts.life import resume_tenant, set_limits, suspend_tenant, update_tenant
from tenants.accounts.models import Tenant
from tenants.accounts.plans import limits_of
from tenants.accounts.queries import find_key, may_work
from tenants.accounts.siblings import open_test_tenant, sibling_of
from tenants.accounts.tokens import parse_token
from tenants.audit.actor import system
from tenants.audit.models import AuditEntry
from tenants.behaviour.arriving.accepting import accept_upload
from tenants.behaviour.models import Upload
from tenants.errors import AppError, Conflict, NotFound
from tenants.ids import uuid7
from tenants.isolation.scope import tenant_scope
from tenants.work import run as work
from tenants.work.models import WorkItem
from tests.connections import forget, in_threads

OPERATOR = system("operator")
EVENTS = b"user_id,item_id,type,occurred_at\nu1,i1,view,2026-01-01T00:00:00Z\n"


def tenant_of(business) -> Tenant:
    with business.scope:
        return Tenant.objects.get()


def last_entry(business):
    with business.scope:
        entry = AuditEntry.objects.order_by("-seq").first()
        return entry.action, entry.actor_ref, entry.detail.get().details


def suspend(business) -> None:
    suspend_tenant(tenant_id=business.tenant.id, reason="Unpaid.", actor=OPERATOR)


def resume(business) -> None:
    resume_tenant(tenant_id=business.tenant.id, actor=OPERATOR)


def test_a_suspended_tenants_keys_rest_until_it_is_resumed(alice, bob):
    suspend(alice)
    assert last_entry(alice) == ("tenant.suspended", "operator", {"reason": "Unpaid."})
    assert tenant_of(alice).resting == Tenant.OPERATOR
    assert find_key(parse_token(alice.key)) is None
    assert find_key(parse_token(bob.key)) is not None
    resume(alice)
    assert last_entry(alice) == ("tenant.resumed", "operator", {})
    assert tenant_of(alice).resting == ""
    assert find_key(parse_token(alice.key)) is not None


def test_its_test_tenant_rests_and_works_with_it(alice):
    with alice.scope:
        test = open_test_tenant(actor=OPERATOR)
    suspend(alice)
    with tenant_scope(test.id):
        assert Tenant.objects.get().resting == Tenant.OPERATOR
    resume(alice)
    with tenant_scope(test.id):
        assert Tenant.objects.get().resting == ""
        actions = list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))
    assert actions == ["tenant.created", "tenant.suspended", "tenant.resumed"]


def test_a_test_tenant_that_is_opened_meanwhile_rests_too(committed):
    alice = committed("Alice")
    opened, suspended = Event(), Event()

    def open_slowly() -> None:
        with alice.scope:
            open_test_tenant(actor=OPERATOR)
            opened.set()
            suspended.wait(0.5)  # what waits for our lock cannot tell us

    def suspend_meanwhile() -> None:
        opened.wait(5)
        suspend(alice)
        suspended.set()

    in_threads([open_slowly, suspend_meanwhile])
    test = sibling_of(alice.tenant.id)
    with tenant_scope(test):
        assert Tenant.objects.get().resting == Tenant.OPERATOR
    forget(test)


@pytest.mark.parametrize("stands", [False, True])
def test_a_test_tenant_that_stands_otherwise_is_in_nobodys_way(alice, stands):
    with alice.scope:
        test = open_test_tenant(actor=OPERATOR)
    suspend_tenant(tenant_id=test.id, reason="Noise.", actor=OPERATOR)
    suspend(alice)
    if stands:
        resume_tenant(tenant_id=test.id, actor=OPERATOR)
    resume(alice)
    assert tenant_of(alice).resting == ""
    with tenant_scope(test.id):
        assert Tenant.objects.get().resting == ""
        told = list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))
    assert told == ["tenant.created", "tenant.suspended", "tenant.resumed"]


@pytest.mark.parametrize("role", ["owner", "analyst"])
def test_its_people_are_told_on_the_page_that_it_rests(alice, role):
    browser = alice.browser(role)
    suspend(alice)
    with alice.scope:
        before = AuditEntry.objects.count()
    for path in ("/", "/data/", "/keys/", "/settings/"):
        reply = browser.get(path)
        assert reply.status_code == 403, path
        assert "Alice&#x27;s shop rests" in reply.content.decode()
        assert "Whoever runs this installation has suspended it" in reply.content.decode()
    with alice.scope:
        assert AuditEntry.objects.count() == before
    resume(alice)
    assert browser.get("/").status_code == 200


def test_its_queued_work_waits_and_is_done_once_it_is_resumed(alice, bob, monkeypatch):
    with alice.scope:
        upload = accept_upload(kind=Upload.EVENTS, name="a.csv", chunks=[EVENTS], actor=alice.actor)
    suspend(alice)
    assert not may_work(alice.tenant.id) and may_work(bob.tenant.id)
    work.run_waiting("default")
    with alice.scope:
        assert Upload.objects.get().state == Upload.RECEIVED
    item = WorkItem.objects.get(tenant_id=alice.tenant.id, kind="upload")
    assert (item.state, item.attempts, item.object_id) == (WorkItem.WAITING, 0, upload.id)
    resume(alice)
    WorkItem.objects.filter(pk=item.pk).update(run_at=item.created_at)
    work.run_waiting("default")
    with alice.scope:
        assert Upload.objects.get().state == Upload.DONE


@pytest.mark.parametrize(
    "act, code",
    [
        (lambda one: suspend_tenant(tenant_id=one, reason=" ", actor=OPERATOR), "reason_missing"),
        (lambda one: resume_tenant(tenant_id=one, actor=OPERATOR), "tenant_not_suspended"),
        (lambda one: suspend_tenant(tenant_id=uuid7(), reason="x", actor=OPERATOR), "not_found"),
        (lambda one: resume_tenant(tenant_id=uuid7(), actor=OPERATOR), "not_found"),
    ],
)
def test_an_act_that_makes_no_sense_changes_nothing(alice, act, code):
    before = last_entry(alice)
    with pytest.raises(AppError) as refused:
        act(alice.tenant.id)
    assert refused.value.code == code
    assert tenant_of(alice).suspended_at is None
    assert last_entry(alice) == before


def test_a_tenant_is_suspended_once(alice):
    suspend(alice)
    with pytest.raises(Conflict):
        suspend(alice)


def test_limits_are_a_plan_and_what_is_granted_beside_it(alice):
    with alice.scope:
        set_limits(plan="large", grant={"burst": 7.0}, actor=OPERATOR)
        set_limits(grant={"requests_per_second": 120}, actor=OPERATOR)
    tenant = tenant_of(alice)
    assert tenant.limits == limits_of("large", {"burst": 7, "requests_per_second": 120.0})
    assert isinstance(tenant.limits.burst, int)
    assert last_entry(alice) == (
        "tenant.limits_set",
        "operator",
        {"plan": "large", "granted": {"burst": 7, "requests_per_second": 120.0}},
    )
    with alice.scope:
        set_limits(withdraw=["burst"], actor=OPERATOR)
    assert tenant_of(alice).granted == {"requests_per_second": 120.0}


@pytest.mark.parametrize(
    "wanted, code",
    [
        ({"plan": "huge"}, "unknown_plan"),
        ({"grant": {"speed": 1.0}}, "unknown_limit"),
        ({"withdraw": ["speed"]}, "unknown_limit"),
        ({"withdraw": ["burst"]}, "limit_not_granted"),
        ({"grant": {"burst": 0.0}}, "bad_limit"),
        ({"grant": {"burst": -1.0}}, "bad_limit"),
        ({"grant": {"burst": 1.5}}, "bad_limit"),
        ({"grant": {"requests_per_second": float("nan")}}, "bad_limit"),
        ({"grant": {"requests_per_second": float("inf")}}, "bad_limit"),
        ({"plan": "large", "grant": {"storage_bytes": 0.0}}, "bad_limit"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_and_nothing_is_set(alice, wanted, code):
    with alice.scope, pytest.raises(AppError) as refused:
        set_limits(**wanted, actor=OPERATOR)
    assert refused.value.code == code
    assert (tenant_of(alice).plan, tenant_of(alice).granted) == ("standard", {})


def test_facts_change_and_the_log_names_which_and_not_what_they_say(alice):
    facts = {"name": "Alice & Co", "timezone": "Europe/London", "controller_contact": "a@b.example"}
    with alice.scope:
        update_tenant(**facts, actor=alice.actor)
        update_tenant(**facts, actor=alice.actor)
        assert AuditEntry.objects.filter(action="tenant.updated").count() == 1
    assert {name: getattr(tenant_of(alice), name) for name in facts} == facts
    assert last_entry(alice)[2] == {"changed": ["name", "timezone", "controller_contact"]}


def test_facts_of_nobody_are_not_found(db):
    with tenant_scope(uuid7()), pytest.raises(NotFound):
        update_tenant(name="x", timezone="UTC", controller_contact="", actor=OPERATOR)


def test_a_suspended_tenant_of_several_does_not_shut_the_others(alice, bob):
    from tenants.accounts.services import add_member

    with bob.scope:
        add_member(person=alice.owner, role="analyst", actor=bob.actor)
    suspend(alice)
    client: Client = alice.browser()
    assert client.get("/data/").context["request"].tenant.id == bob.tenant.id
