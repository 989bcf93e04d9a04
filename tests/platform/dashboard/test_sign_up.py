"""Signing up: a person, a tenant and a first look, where the installation is open to it."""

import pytest
from django.core.cache import cache
from django.test import Client

from tenants.accounts.queries import memberships_of, person_with
from tenants.audit.models import AuditEntry
from tenants.isolation.models import KnownTenant
from tenants.isolation.scope import tenant_scope
from tests.business import PASSWORD

WISH = {
    "name": "Dora's shop",
    "email": "Dora@Example.com",
    "password": PASSWORD,
    "timezone": "Asia/Shanghai",
}


@pytest.fixture(autouse=True)
def no_earlier_attempts(db):
    """The limit counts in the cache, which no test rolls back."""
    cache.clear()


def test_a_person_and_a_tenant_are_made_and_led_to_their_first_steps():
    reply = Client().post("/sign-up/", WISH, follow=True)
    assert reply.redirect_chain == [("/", 302)]
    assert "First steps" in reply.content.decode()
    ((member, tenant),) = memberships_of(person_with("dora@example.com"))
    assert (member.role, tenant.name, tenant.timezone) == ("owner", "Dora's shop", "Asia/Shanghai")
    assert (tenant.plan, tenant.live_id) == ("standard", None)
    request = reply.context["request"]
    with tenant_scope(tenant.id):
        made = AuditEntry.objects.get(action="tenant.created")
        assert AuditEntry.objects.filter(action="member.signed_in").count() == 1
    assert (made.actor_type, made.actor_ref) == ("person", request.user.public_id)


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"email": "alice@example.com"}, "has an account already"),
        ({"email": "nonsense"}, "valid email"),
        ({"email": f"dora@{'.'.join(['b' * 60] * 4)}.comxxxxxxxxxx"}, "at most 254 characters"),
        ({"password": "short"}, "too short"),
        ({"password": "dora@example.com"}, "too similar"),
        ({"name": "   "}, "required"),
        ({"timezone": "Mars/Olympus"}, "valid choice"),
    ],
)
def test_what_makes_no_sense_makes_nothing(alice, wrong, says):
    before = KnownTenant.objects.count()
    reply = Client().post("/sign-up/", {**WISH, **wrong})
    assert reply.status_code == 422
    assert says in reply.content.decode()
    assert KnownTenant.objects.count() == before
    assert person_with("dora@example.com") is None
    assert person_with("alice@example.com").check_password(PASSWORD)


def test_of_two_who_sign_up_with_one_address_at_once_the_second_is_told(alice, monkeypatch):
    """Who looked before the first was there, and writes after."""
    for module in ("services", "sign_up"):
        name = f"tenants.accounts.{module}.person_with"
        monkeypatch.setattr(name, lambda email: None, raising=False)
    before = KnownTenant.objects.count()
    reply = Client().post("/sign-up/", {**WISH, "email": "Alice@example.com"})
    assert reply.status_code == 422
    assert "has an account already" in reply.content.decode()
    assert KnownTenant.objects.count() == before
    monkeypatch.undo()
    assert person_with("alice@example.com").check_password(PASSWORD)


def test_a_closed_installation_has_no_such_page_and_no_link_to_it(settings):
    assert "/sign-up/" in Client().get("/accounts/login/").content.decode()
    settings.ATTUNE_SIGN_UP = "invited"
    assert "/sign-up/" not in Client().get("/accounts/login/").content.decode()
    assert Client().get("/sign-up/").status_code == 404
    assert Client().post("/sign-up/", WISH).status_code == 404
    assert person_with("dora@example.com") is None


def test_one_network_address_makes_at_most_ten_an_hour():
    def attempt(n: int, address: str = "192.0.2.1") -> int:
        wish = {**WISH, "email": f"dora{n}@example.com"}
        return Client(REMOTE_ADDR=address).post("/sign-up/", wish).status_code

    assert [attempt(n) for n in range(11)] == [302] * 10 + [429]
    assert person_with("dora10@example.com") is None
    assert attempt(10, "192.0.2.2") == 302


def test_whoever_is_signed_in_is_led_on(alice):
    reply = alice.browser().get("/sign-up/")
    assert (reply.status_code, reply["Location"]) == (302, "/start/")
