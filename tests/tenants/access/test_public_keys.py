"""A public key lies open in a browser: it may send events from its pages, and nothing else."""

from collections import OrderedDict

import pytest
from django.test import Client

from tenants.access.denials import Denials
from tenants.accounts.keys import create_key
from tenants.accounts.models import Tenant
from tenants.audit.models import AuditEntry

SHOP = "https://shop.example"
EVENT = {"user_id": "u1", "item_id": "i1", "type": "view"}


@pytest.fixture
def public(alice):
    with alice.scope:
        _, text = create_key(name="web", kind="public", origins=[SHOP], actor=alice.actor)
    return {"Authorization": f"Bearer {text}"}


def send(headers: dict[str, str], origin: str | None = SHOP):
    told = {"Origin": origin} if origin else {}
    return Client().post(
        "/v1/events", EVENT, content_type="application/json", headers={**headers, **told}
    )


def test_a_public_key_sends_events_from_its_own_page_and_the_page_may_read_the_answer(public):
    reply = send(public)
    assert reply.status_code == 202
    assert reply["Access-Control-Allow-Origin"] == "*"
    assert "x-request-id" in reply["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://shop.example", f"{SHOP}:8443", "null", None]
)
def test_from_another_page_or_none_it_is_denied_and_the_denial_recorded(alice, public, origin):
    reply = send(public, origin)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "origin_not_allowed")
    with alice.scope:
        entry = AuditEntry.objects.order_by("-seq").first()
    assert (entry.action, entry.reason) == ("access.denied", "origin_not_allowed")


def test_a_public_key_without_pages_may_be_used_anywhere(alice):
    with alice.scope:
        _, text = create_key(name="app", kind="public", actor=alice.actor)
    for origin in ("https://any.example", None):
        assert send({"Authorization": f"Bearer {text}"}, origin).status_code == 202


@pytest.mark.parametrize(
    "method, path",
    [
        ("get", "/v1/uploads"), ("post", "/v1/uploads"), ("get", "/v1/usage"),
        ("post", "/v1/consents"), ("get", "/v1/recommendations?user_id=u1"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_to_a_public_key(alice, public, method, path):
    reply = getattr(Client(), method)(path, headers={**public, "Origin": SHOP})
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "public_key")
    assert "Access-Control-Allow-Origin" not in reply
    with alice.scope:
        assert AuditEntry.objects.order_by("-seq").first().reason == "public_key"


def test_a_browser_that_asks_first_is_told_what_it_may_send(db):
    reply = Client().options("/v1/events", headers={"Origin": "https://any.example"})
    assert (reply.status_code, reply.content) == (204, b"")
    assert reply["Access-Control-Allow-Methods"] == "POST"
    assert "authorization" in reply["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in reply


def test_other_addresses_tell_a_browser_nothing(alice):
    reply = Client().options("/v1/uploads", headers={"Origin": SHOP, **alice.headers})
    assert reply.status_code == 405
    assert "Access-Control-Allow-Origin" not in reply


def test_a_public_key_claims_no_idempotency_name_of_the_others(alice, public):
    headers = {"Idempotency-Key": "same"}
    first = send({**public, **headers})
    second = send({**alice.headers, **headers})
    assert (first.status_code, second.status_code) == (202, 202)
    assert "Idempotent-Replayed" not in second


def test_a_flood_of_denials_leaves_one_entry_a_minute_with_their_number(alice, public, monkeypatch):
    denials = Denials()
    monkeypatch.setattr("tenants.access.api.DENIALS", denials)

    def entries() -> list[dict[str, object]]:
        with alice.scope:
            found = AuditEntry.objects.filter(action="access.denied").order_by("seq")
            return [entry.detail.get().details for entry in found]

    for _ in range(5):
        assert send(public, "https://evil.example").status_code == 403
    assert entries() == [{"right": "events:write", "method": "POST"}]
    denials._told = OrderedDict((kind, (0.0, n)) for kind, (_, n) in denials._told.items())
    assert send(public, "https://evil.example").status_code == 403
    assert [each.get("times") for each in entries()] == [None, 5]


def test_a_public_key_leaves_half_of_the_limit_and_of_the_places_to_the_others(alice, public):
    with alice.scope:
        Tenant.objects.update(granted={"requests_per_second": 0.2, "burst": 8})
    statuses = [send(public).status_code for _ in range(3)]
    assert statuses == [202, 429, 429]
    own = [send(alice.headers).status_code for _ in range(8)]
    assert own == [202] * 7 + [429]
