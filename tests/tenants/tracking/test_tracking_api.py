"""Segment's tracking API: who may send, in what form, and what is answered."""

import gzip
import json
import tracemalloc
from contextlib import ExitStack

import pytest
from django.test import Client

from tenants.access.places import PLACES
from tenants.access.rates import RATES
from tenants.accounts.keys import create_key
from tenants.audit.sealing import seal
from tenants.audit.verify import verify_chain
from tenants.behaviour.models import Event, EventBatch, Item
from tenants.tracking import write_keys
from tenants.tracking.addresses import BATCHES, CALLS
from tenants.tracking.bodies import BATCH_BYTES, EVENT_BYTES
from tests.tenants.behaviour.streams import SHOP, public_key
from tests.tenants.behaviour.uploads import agree
from tests.tenants.tracking.calls import (
    LAMP,
    basic,
    call,
    landed,
    packed,
    passed,
    sent,
    stored,
    track,
)

TAKEN = {"success": True}


@pytest.fixture
def ready(alice):
    agree(alice, "u1")
    return alice


def test_a_key_is_taken_as_basic_as_bearer_and_in_the_body(ready):
    for number, (key, body) in enumerate(
        ((None, {}), (f"Bearer {ready.key}", {}), ("", {"writeKey": ready.key}))
    ):
        message = track("Product Viewed", messageId=f"m-{number}")
        reply = call(ready, "/v1/batch", {"batch": [message], **body}, key=key)
        assert (reply.status_code, reply.json()) == (200, TAKEN)
    assert len(stored(ready)) == 3


@pytest.mark.parametrize(
    "headers, body, code",
    [
        ({}, {}, "key_missing"),
        ({"Authorization": "Basic ???"}, {}, "key_missing"),
        ({"Authorization": "Basic Og=="}, {}, "key_missing"),
        (basic("ak_secret_live_nonsense"), {}, "key_invalid"),
        ({}, {"writeKey": "nonsense"}, "key_invalid"),
        ({}, {"writeKey": ["no", "text"]}, "key_missing"),
    ],
)
def test_without_a_valid_key_nothing_is_taken(alice, headers, body, code):
    data = json.dumps({"batch": [track("Product Viewed")], **body})
    reply = Client().post("/v1/batch", data, content_type="application/json", headers=headers)
    assert reply.status_code == 401
    told = reply.json()
    assert (told["code"], told["error"]["code"]) == (code, code)
    assert told["message"] == told["error"]["message"]
    with alice.scope:
        assert not EventBatch.objects.exists()


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_is_taken_under_each_of_its_names(ready, name):
    reply = call(ready, f"/v1/{name}", {"batch": [track("Product Viewed")]})
    assert (reply.status_code, reply.json()) == (200, TAKEN)
    assert stored(ready) == [("u1", "lamp", 1, None)]


@pytest.mark.parametrize("name", [*CALLS, *(call[0] for call in CALLS)])
def test_a_single_call_is_taken_under_its_name_and_its_letter(ready, name):
    """Acceptance: page and screen name an item here, and identify, group and alias are counted."""
    body = {"userId": "u1", "event": "Product Viewed", "properties": LAMP}
    reply = call(ready, f"/v1/{name}", body)
    landed(ready)
    assert (reply.status_code, reply.json()) == (200, TAKEN)
    with ready.scope:
        batch = EventBatch.objects.get()
    counted = {"i": "identify", "g": "group", "a": "alias"}.get(name[0])
    assert passed(batch) == ({(counted, ""): 1} if counted else {})
    assert batch.accepted == (0 if counted else 1)


def test_a_message_that_comes_again_counts_once(ready):
    message = track("Product Viewed", messageId="m-1")
    order = track("Order Completed", {"order_id": "o-1", "products": [LAMP, LAMP]}, messageId="m-2")
    assert sent(ready, message, order).accepted == 3
    again = sent(ready, order, message)
    assert (again.received, again.accepted, again.duplicate) == (3, 0, 3)
    assert passed(again) == {("already_stored", ""): 3}
    assert len(stored(ready)) == 3


def test_a_packed_body_is_read(ready):
    body = packed({"batch": [track("Product Viewed")]})
    assert call(ready, "/v1/batch", body, **{"Content-Encoding": "gzip"}).json() == TAKEN
    assert len(stored(ready)) == 1


@pytest.mark.parametrize(
    "body, headers, status, code",
    [
        (b"{", {}, 400, "parse_error"),
        (b'{"batch": [NaN]}', {}, 400, "parse_error"),
        (b"\xff\xfe", {}, 400, "parse_error"),
        (b"[" * 100_000, {}, 400, "parse_error"),
        (b"[]", {}, 400, "bad_batch"),
        (b'{"batch": {}}', {}, 400, "bad_batch"),
        (b"", {}, 400, "bad_batch"),
        (b"no gzip", {"Content-Encoding": "gzip"}, 400, "parse_error"),
        (gzip.compress(b"{}", mtime=0)[:-4], {"Content-Encoding": "gzip"}, 400, "parse_error"),
        (gzip.compress(b"{}", mtime=0) * 2, {"Content-Encoding": "gzip"}, 400, "parse_error"),
        (b"{}", {"Content-Encoding": "br"}, 415, "unsupported_media_type"),
        (b" " * (BATCH_BYTES + 1), {}, 400, "batch_too_large"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_and_nothing_kept(ready, body, headers, status, code):
    reply = call(ready, "/v1/batch", body, **headers)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.json()["error"]["code"] == code
    with ready.scope:
        assert not EventBatch.objects.exists()


def test_s38_a_gzip_bomb_is_given_up_where_it_passes_the_bound(ready):
    """A body of 50 kB that would be 50 MB costs no more memory than the largest one allowed."""
    bomb = gzip.compress(b" " * 50_000_000)
    tracemalloc.start()
    try:
        reply = call(ready, "/v1/batch", bomb, **{"Content-Encoding": "gzip"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (reply.status_code, reply.json()["code"]) == (400, "batch_too_large")
    assert peak < 20_000_000


def test_an_event_above_the_published_bound_refuses_its_request(ready):
    large = track("Product Viewed", {**LAMP, "note": "x" * EVENT_BYTES})
    for path, body in (
        ("/v1/batch", {"batch": [track("Product Viewed"), large]}),
        ("/v1/track", large),
    ):
        reply = call(ready, path, body)
        assert (reply.status_code, reply.json()["code"]) == (400, "event_too_large")
    assert stored(ready) == []
    many = [track("Product Viewed", messageId=f"m-{n}") for n in range(400)]
    assert sent(ready, *many).accepted == 400


def test_a_public_key_sends_from_its_page_and_describes_no_item(ready):
    key = public_key(ready)
    body = {"batch": [track("Product Viewed")], "writeKey": key}
    elsewhere = call(ready, "/v1/batch", body, key="", Origin="https://evil.example")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "origin_not_allowed")
    reply = call(ready, "/v1/batch", body, key="", Origin=SHOP)
    landed(ready)
    assert (reply.status_code, reply.json()) == (200, TAKEN)
    assert reply["Access-Control-Allow-Origin"] == "*"
    with ready.scope:
        assert not Item.objects.get().described


def test_a_key_in_the_body_takes_one_of_its_tenants_places(ready, monkeypatch):
    body = {"batch": [track("Product Viewed")], "writeKey": ready.key}
    assert call(ready, "/v1/batch", body, key="").status_code == 200
    monkeypatch.setattr(PLACES, "begin", lambda place, patiently: False)
    refused = call(ready, "/v1/batch", body, key="")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_at_once")
    assert refused["Retry-After"]
    monkeypatch.undo()
    assert call(ready, "/v1/batch", body, key="").status_code == 200
    assert not PLACES._lanes
    assert RATES._known


def test_strangers_who_send_slowly_hold_up_only_each_other(ready, monkeypatch):
    monkeypatch.setattr(write_keys, "PATIENCE", 0.01)
    body = {"batch": [track("Product Viewed")], "writeKey": ready.key}
    with ExitStack() as slow:
        for _ in range(4):
            slow.enter_context(write_keys.STRANGERS)
        refused = call(ready, "/v1/batch", body, key="")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_at_once")
        assert call(ready, "/v1/batch", body).status_code == 200
    assert call(ready, "/v1/batch", body, key="").status_code == 200


def test_what_became_of_a_request_can_be_asked_for(ready, bob):
    batch = sent(
        ready,
        track("Product Viewed"),
        track("Song Played", {"product_id": "song"}),
        track("Song Played", {"product_id": "song"}),
        track("Signed Up", {}),
        {"type": "identify", "userId": "u1", "traits": {"email": "u1@example.com"}},
    )
    path = f"/v1/event_batches/{batch.public_id}"
    told = Client().get(path, headers=ready.headers).json()
    assert {name: told[name] for name in ("received", "accepted", "rejected", "passed_over")} == {
        "received": 3, "accepted": 1, "rejected": 2, "passed_over": 2,
    }  # fmt: skip
    rows = [(one["outcome"], one["code"], one["name"], one["count"]) for one in told["outcomes"]]
    assert rows == [
        ("passed_over", "identify", "", 1),
        ("passed_over", "no_item", "Signed Up", 1),
        ("rejected", "unknown_type", "Song Played", 2),
    ]
    assert all(one["message"].endswith(".") for one in told["outcomes"])
    assert Client().get("/v1/event_batches", headers=ready.headers).json()["data"] == [told]
    assert Client().get(path, headers=bob.headers).status_code == 404


def test_the_record_is_sealed_with_its_outcomes(ready):
    batch = sent(ready, track("Product Viewed"), {"type": "group", "userId": "u1"})
    with ready.scope:
        assert batch.content()["v"] == 2
        assert EventBatch(outcomes=[], tenant_id=batch.tenant_id, received_at=batch.received_at,
                          acts_sha256=b"").content()["v"] == 1  # fmt: skip
    seal(ready.tenant.id)
    with ready.scope:
        assert verify_chain().ok


def test_an_idempotency_key_holds_here_too(ready):
    body = {"batch": [track("Product Viewed")]}
    for _ in range(2):
        assert call(ready, "/v1/batch", body, **{"Idempotency-Key": "k"}).json() == TAKEN
    with ready.scope:
        assert (Event.objects.count(), EventBatch.objects.count()) == (1, 1)


def test_a_key_without_the_right_is_denied_in_both_forms(alice):
    with alice.scope:
        _, text = create_key(name="reader", scopes=["events:read"], actor=alice.actor)
    reply = call(alice, "/v1/batch", {"batch": []}, **basic(text))
    assert (reply.status_code, reply.json()["code"]) == (403, "scope_missing")
