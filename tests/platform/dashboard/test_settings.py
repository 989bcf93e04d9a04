"""`/settings/`: facts, plan, export, closing and taking it back, as the owner presses them."""

import io
import re
import zipfile

import pytest
from django.urls import reverse

from tenants.accounts.life import set_limits, suspend_tenant
from tenants.accounts.models import Role, Tenant
from tenants.accounts.services import add_member
from tenants.audit.actor import system
from tenants.audit.models import AuditEntry
from tenants.departure.models import TenantExport
from tenants.isolation.models import KnownTenant
from tenants.subjects.directory import resolve
from tenants.work.run import run_waiting

FACTS = {"name": "Alice & Co", "timezone": "Asia/Shanghai", "controller_contact": "a@b.example"}


def text_of(reply) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


def tenant_of(business) -> Tenant:
    with business.scope:
        return Tenant.objects.get()


@pytest.fixture
def owner(alice):
    return alice.browser()


@pytest.fixture
def exported(alice, owner) -> TenantExport:
    """An export that the owner asked for and a worker made."""
    with alice.scope:
        resolve(["user one"])
    owner.post("/settings/export/")
    run_waiting("default")
    with alice.scope:
        return TenantExport.objects.get()


def close(owner, name: str = "Alice's shop"):
    return owner.post("/settings/close/", {"close-name": name})


def test_the_page_shows_facts_plan_and_limits_in_words(alice, owner):
    with alice.scope:
        set_limits(grant={"requests_per_second": 120}, actor=system("operator"))
    text = text_of(owner.get("/settings/"))
    assert "API requests per second 120 granted" in text
    assert "Storage 20.0\xa0GB".replace("\xa0", " ") in text
    assert "Events in a calendar month 50,000,000" in text
    assert "Training in a calendar month 200 h" in text
    assert "No export yet" in text
    assert "Make an export first" in text
    assert 'value="Alice&#x27;s shop"' in owner.get("/settings/").content.decode()


def test_facts_are_saved_and_hold_on_the_next_page(alice, owner):
    assert owner.post("/settings/save/", FACTS)["Location"] == "/settings/"
    assert {name: getattr(tenant_of(alice), name) for name in FACTS} == FACTS
    assert "Saved." in text_of(owner.get("/settings/"))


@pytest.mark.parametrize(
    "wrong, says",
    [({"name": " "}, "This field is required"), ({"timezone": "Mars"}, "Write an IANA name")],
)
def test_facts_that_make_no_sense_come_back_beside_their_field(alice, owner, wrong, says):
    reply = owner.post("/settings/save/", {**FACTS, **wrong})
    assert reply.status_code == 422
    assert says in text_of(reply)
    assert tenant_of(alice).name == "Alice's shop"


def test_an_export_is_asked_for_watched_and_fetched(alice, owner):
    owner.post("/settings/export/")
    waiting = owner.get("/settings/", headers={"HX-Request": "true"}).content.decode()
    assert 'hx-trigger="every 2s"' in waiting and "Waiting for its turn" in waiting
    assert "Make an export" not in waiting and "<html" not in waiting
    run_waiting("default")
    ready = owner.get("/settings/").content.decode()
    with alice.scope:
        export = TenantExport.objects.get()
    address = reverse("dashboard:download", args=[export.public_id])
    assert address in ready and 'hx-trigger="every 2s"' not in ready
    reply = owner.get(address)
    content = b"".join(reply.streaming_content)
    assert len(content) == int(reply["Content-Length"]) == export.bytes
    assert reply["Content-Type"] == "application/zip"
    assert reply["Content-Disposition"] == f'attachment; filename="{export.public_id}.zip"'
    assert reply["Cache-Control"] == "no-store"
    assert "people.csv" in zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_a_second_wish_while_one_is_being_made_is_refused_in_words(alice, owner):
    for _ in range(2):
        owner.post("/settings/export/")
    assert "An export is being made already" in text_of(owner.get("/settings/"))
    with alice.scope:
        assert TenantExport.objects.count() == 1


def test_another_tenants_owner_finds_no_export(alice, bob, exported):
    address = reverse("dashboard:download", args=[exported.public_id])
    reply = bob.browser().get(address)
    assert reply.status_code == 404
    assert "There is nothing here" in text_of(reply)
    for business in (alice, bob):
        with business.scope:
            assert not AuditEntry.objects.filter(action="export.downloaded").exists()


def test_closing_needs_the_name_and_an_export(alice, owner):
    assert "Make an export first" in text_of(close(owner))
    owner.post("/settings/export/")
    run_waiting("default")
    reply = close(owner, "alice's shop")
    assert reply.status_code == 422
    assert "This is not the tenant&#x27;s name" in text_of(reply)
    assert tenant_of(alice).resting == ""


def test_while_it_closes_the_owner_is_led_to_settings_and_nowhere_else(alice, owner, exported):
    assert close(owner)["Location"] == "/settings/"
    assert owner.get("/start/")["Location"] == "/settings/"
    for path in ("/", "/data/", "/models/", "/audit/", "/keys/"):
        assert owner.get(path)["Location"] == "/settings/", path
    assert owner.post("/models/jobs/start/").status_code == 403
    page = owner.get("/settings/").content.decode()
    assert "This tenant is being closed" in page
    assert "&lt;time" not in page
    side = re.search(r'<aside class="side">.*?</nav>', page, re.DOTALL).group()
    assert re.findall(r'<a href="([^"]+)"', side) == ["/settings/"]
    assert owner.get(reverse("dashboard:download", args=[exported.public_id])).status_code == 200


def test_while_it_closes_no_test_mode_is_offered_nor_opened(alice, owner, exported):
    offer = 'action="/tenant/test/"'
    assert offer in owner.get("/settings/").content.decode()
    close(owner)
    assert offer not in owner.get("/settings/").content.decode()
    reply = owner.post("/tenant/test/")
    assert reply.status_code == 409
    assert "This tenant rests, and its test mode would rest with it" in text_of(reply)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.ANALYST, Role.AUDITOR])
def test_everybody_else_is_told_that_it_closes(alice, owner, exported, role):
    member = alice.browser(role)
    close(owner)
    for path in ("/", "/audit/", "/settings/"):
        reply = member.get(path)
        assert reply.status_code == 403
        assert "Its owner is closing it." in text_of(reply)
    assert member.post("/settings/keep/").status_code == 403
    assert tenant_of(alice).resting == Tenant.CLOSING


def test_the_owner_takes_it_back(alice, owner, exported):
    close(owner)
    assert owner.post("/settings/keep/")["Location"] == "/settings/"
    assert "The tenant stays, and works again." in text_of(owner.get("/settings/"))
    assert owner.get("/data/").status_code == 200
    assert KnownTenant.objects.get(pk=alice.tenant.id).closes_at is None
    assert owner.post("/settings/keep/").status_code == 409


def test_what_is_suspended_while_it_closes_its_owner_cannot_keep(alice, owner, exported):
    close(owner)
    suspend_tenant(tenant_id=alice.tenant.id, reason="Fraud.", actor=system("operator"))
    reply = owner.get("/settings/")
    assert (reply.status_code, "has suspended it" in text_of(reply)) == (403, True)
    assert owner.post("/settings/keep/").status_code == 403
    assert tenant_of(alice).resting == Tenant.HELD


def test_a_member_of_two_goes_on_in_the_other(alice, bob, owner, exported):
    with bob.scope:
        add_member(person=alice.owner, role=Role.ANALYST, actor=bob.actor)
    close(owner)
    assert owner.get("/start/")["Location"] == "/"
    assert owner.get("/").context["request"].tenant.id == bob.tenant.id


def test_what_the_operator_suspended_its_owner_cannot_wake(alice, owner):
    suspend_tenant(tenant_id=alice.tenant.id, reason="Unpaid.", actor=system("operator"))
    for path in ("/settings/", "/"):
        reply = owner.get(path)
        assert (reply.status_code, "rests" in text_of(reply)) == (403, True)
    for path in ("/settings/keep/", "/settings/export/", "/settings/close/"):
        assert owner.post(path).status_code == 403
    assert tenant_of(alice).resting == Tenant.OPERATOR
