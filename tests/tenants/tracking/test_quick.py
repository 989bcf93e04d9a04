"""The short way of the usual tracking request, by the real web server: it lets nobody in whom the
long one refuses, from the very next request on.
"""

import json
from http.client import HTTPConnection

from launcher.ports import HOST
from tenants.accounts.keys import create_key, revoke_key
from tenants.accounts.models import APIKey
from tenants.behaviour.models import Event, WaitingRequest
from tests.tenants.behaviour.uploads import agree
from tests.tenants.tracking.calls import landed, track
from tests.web_server import WebServer, served


def post(server: WebServer, key: str, item: str = "lamp", **headers: str) -> tuple[int, str]:
    """The status of a batch of one, and its code where it was refused."""
    body = json.dumps({"batch": [track("Product Viewed", {"product_id": item}, messageId=item)]})
    line = HTTPConnection(HOST, server.port, timeout=20)
    given = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **headers}
    try:
        line.request("POST", "/v1/batch", body, given)
        answer = line.getresponse()
        return answer.status, json.loads(answer.read()).get("code", "")
    finally:
        line.close()


def waiting(business) -> int:
    with business.scope:
        return WaitingRequest.objects.count()


def test_a_revoked_key_is_refused_on_the_very_next_request_and_nothing_is_kept(committed, tmp_path):
    alice = committed("Alice")
    agree(alice, "u1")
    with served(tmp_path) as server:
        assert [post(server, alice.key, f"i{n}")[0] for n in range(8)] == [200] * 8
        with alice.scope:
            revoke_key(key_id=APIKey.objects.get().pk, actor=alice.actor)
        assert {post(server, alice.key, f"j{n}")[0] for n in range(8)} == {401}
    landed(alice)
    with alice.scope:
        items = set(Event.objects.values_list("item__external_id", flat=True))
    assert items == {f"i{n}" for n in range(8)}


def test_a_key_without_the_right_to_send_events_is_refused(committed, tmp_path):
    alice = committed("Alice")
    with alice.scope:
        _, key = create_key(name="Reads", scopes=["events:read"], actor=alice.actor)
    with served(tmp_path) as server:
        assert {post(server, key)[0] for _ in range(6)} == {403}
    assert waiting(alice) == 0


def test_a_public_key_is_taken_from_its_own_pages_alone(committed, tmp_path):
    alice = committed("Alice")
    with alice.scope:
        _, key = create_key(
            name="Shop", kind="public", origins=["https://shop.example"], actor=alice.actor
        )
    with served(tmp_path) as server:
        for _ in range(4):
            assert post(server, key, Origin="https://shop.example")[0] == 200
            assert post(server, key, Origin="https://other.example") == (403, "origin_not_allowed")
    assert waiting(alice) == 4


def test_a_tenant_gets_nothing_of_what_another_sends_at_the_same_moment(committed, tmp_path):
    alice, bob = committed("Alice"), committed("Bob")
    with served(tmp_path) as server:
        for number in range(4):
            assert post(server, alice.key, f"a{number}")[0] == 200
            assert post(server, bob.key, f"b{number}")[0] == 200
    assert (waiting(alice), waiting(bob)) == (4, 4)
