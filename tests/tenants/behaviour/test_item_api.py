"""`/v1/items`: made, replaced, changed and removed, each with the cleaning of uploads."""

import json
from urllib.parse import quote

import pytest
from django.test import Client

from tenants.accounts.keys import create_key
from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Event, Item
from tests import shop
from tests.stocked import publish, stock
from tests.tenants.behaviour.streams import event, public_key, sent
from tests.tenants.behaviour.uploads import agree
from tests.trained import give_version

LAMP = {
    "item_id": "lamp",
    "title": "Lamp",
    "text": "For the desk",
    "category": "Light",
    "price": 6.95,
    "attributes": {"colour": "red"},
}


def ask(business, method: str, path: str, body=None, **headers: str):
    data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return getattr(Client(), method)(path, headers={**business.headers, **headers}, **data)


def told(business, *items):
    reply = ask(business, "post", "/v1/items", {"items": list(items)})
    assert reply.status_code == 200, reply.content
    return reply.json()


def item(business, item_id: str = "lamp"):
    return ask(business, "get", f"/v1/items/{quote(item_id, safe='')}")


def actions(business):
    with business.scope:
        found = AuditEntry.objects.filter(action__startswith="item").order_by("seq")
        return [(one.action, one.object_id, one.detail.get().details) for one in found]


def test_an_item_is_made_replaced_and_read(alice):
    assert ask(alice, "post", "/v1/items", LAMP).json() == {
        "object": "item_batch", "received": 1, "stored": 1, "created": 1, "rows": [],
    }  # fmt: skip
    shown = item(alice).json()
    assert {name: shown[name] for name in LAMP} == LAMP
    assert (shown["object"], shown["available"]) == ("item", True)
    assert told(alice, {"item_id": "lamp", "title": "Shade"})["created"] == 0
    shown = item(alice).json()
    assert (shown["title"], shown["text"], shown["price"], shown["attributes"]) == (
        "Shade", "", None, {},
    )  # fmt: skip
    assert actions(alice) == [
        ("items.stored", "", {"counts": {"received": 1, "stored": 1, "created": 1}}),
        ("items.stored", "", {"counts": {"received": 1, "stored": 1, "created": 0}}),
    ]


def test_each_of_many_items_has_its_own_outcome(alice):
    answer = told(
        alice, LAMP, {"item_id": "shade", "price": -1}, {"item_id": "null"}, LAMP,
        {"item_id": "x" * 201}, {"item_id": "bulb", "title": "t" * 1_001},
        {"item_id": "wire", "attributes": {"a": "\x00"}}, {"item_id": "plug"},
    )  # fmt: skip
    assert (answer["received"], answer["stored"], answer["created"]) == (8, 2, 2)
    assert [(row["index"], row["outcome"], row["code"]) for row in answer["rows"]] == [
        (1, "rejected", "bad_price"),
        (2, "rejected", "missing_item"),
        (3, "duplicate", "duplicate"),
        (4, "rejected", "id_too_long"),
        (5, "rejected", "text_too_long"),
        (6, "rejected", "bad_attributes"),
    ]
    assert all(row["message"].endswith(".") for row in answer["rows"])
    assert answer["received"] == answer["stored"] + len(answer["rows"])


@pytest.mark.parametrize(
    "body",
    [
        {}, [], {"items": []}, {"items": [LAMP] * 501}, {"item_id": 5}, {**LAMP, "colour": "red"},
        {**LAMP, "price": "6.95"}, {**LAMP, "attributes": "red"}, {**LAMP, "available": "maybe"},
        {**LAMP, "attributes": {"a": "\ud800"}},
    ],
)  # fmt: skip
def test_a_faulty_form_stores_nothing(alice, body):
    assert ask(alice, "post", "/v1/items", body).status_code == 400
    with alice.scope:
        assert not Item.objects.exists()


def test_some_fields_are_changed_and_the_others_stay(alice):
    told(alice, LAMP)
    reply = ask(alice, "patch", "/v1/items/lamp", {"price": 9.5, "available": False})
    assert reply.status_code == 200
    assert {**LAMP, "price": 9.5, "available": False}.items() <= reply.json().items()
    assert ask(alice, "patch", "/v1/items/lamp", {"price": None}).json()["price"] is None
    assert actions(alice)[1:] == [
        ("item.changed", "lamp", {"changed": ["available", "price"]}),
        ("item.changed", "lamp", {"changed": ["price"]}),
    ]


def test_a_change_at_fault_changes_nothing(alice):
    told(alice, LAMP)
    for body in ({"price": -1}, {"title": "t" * 1_001}, {"item_id": "other"}, {"colour": "red"}):
        assert ask(alice, "patch", "/v1/items/lamp", body).status_code == 400
    assert ask(alice, "patch", "/v1/items/shade", {"price": 1}).status_code == 404
    assert LAMP.items() <= item(alice).json().items()
    assert len(actions(alice)) == 1


def test_a_removed_item_is_gone_and_what_was_done_with_it_stays(alice):
    """Acceptance: events refer to it, so its row stays; whoever tells of it brings it back."""
    agree(alice, "u1")
    told(alice, LAMP)
    sent(alice, event(item_id="lamp"))
    for _ in range(2):
        reply = ask(alice, "delete", "/v1/items/lamp")
        assert (reply.status_code, reply.json()["removed"]) == (200, True)
    assert item(alice).status_code == 404
    assert ask(alice, "get", "/v1/items").json()["data"] == []
    assert ask(alice, "patch", "/v1/items/lamp", {"price": 1}).status_code == 404
    assert ask(alice, "delete", "/v1/items/shade").status_code == 404
    assert [action for action, *_ in actions(alice)] == ["items.stored", "item.removed"]
    sent(alice, event(item_id="lamp", type="click"))
    with alice.scope:
        found = Item.objects.get()
        assert (found.title, found.available, Event.objects.count()) == ("Lamp", False, 2)
    assert item(alice).status_code == 404
    assert told(alice, LAMP)["created"] == 0
    assert item(alice).json()["available"] is True


def test_a_removed_item_is_not_in_the_next_answer(alice, artifact):
    """Acceptance: removing takes effect on the next answer."""
    stock(alice, range(12))
    publish(alice, give_version(alice, artifact))
    path = f"/v1/recommendations?user_id={shop.user(0)}&limit=3"
    first = ask(alice, "get", path).json()["data"][0]["item_id"]
    assert ask(alice, "delete", f"/v1/items/{first}").status_code == 200
    after = ask(alice, "get", path).json()["data"]
    assert after
    assert first not in {line["item_id"] for line in after}
    restored = {"item_id": first, "title": "Again"}
    told(alice, restored)
    assert first in {line["item_id"] for line in ask(alice, "get", path).json()["data"]}


def test_a_list_is_read_page_by_page(alice):
    names = [f"i{number:02}" for number in range(5)]
    told(alice, *({"item_id": name} for name in reversed(names)))
    seen: list[str] = []
    path = "/v1/items?limit=2"
    while path:
        reply = ask(alice, "get", path)
        seen += [one["item_id"] for one in reply.json()["data"]]
        path = f"/v1/items?limit=2&after={seen[-1]}" if reply.json()["has_more"] else ""
        assert bool(path) == ("Link" in reply)
    assert seen == names


@pytest.mark.parametrize("name", ["a/b", "a b", "ä%2F", "..", "q?x=1#y"])
def test_an_id_of_any_kind_is_found(alice, name):
    told(alice, {"item_id": name})
    assert item(alice, name).json()["item_id"] == name


@pytest.mark.parametrize("path", ["%00", "x" * 201, "%FF", "%0A"])
def test_an_id_that_no_item_can_have_is_none(alice, path):
    for method in ("get", "delete"):
        assert ask(alice, method, f"/v1/items/{path}").status_code == 404


def test_another_tenants_item_is_none(alice, bob):
    told(alice, LAMP)
    for method, body in (("get", None), ("patch", {"price": 1}), ("delete", None)):
        foreign = ask(bob, method, "/v1/items/lamp", body)
        missing = ask(bob, method, "/v1/items/shade", body)
        assert foreign.status_code == missing.status_code == 404
    assert LAMP.items() <= item(alice).json().items()


def test_a_public_key_changes_no_item(alice):
    headers = {"Authorization": f"Bearer {public_key(alice)}"}
    for method, path in (("post", "/v1/items"), ("patch", "/v1/items/lamp"),
                         ("delete", "/v1/items/lamp"), ("get", "/v1/items")):  # fmt: skip
        reply = ask(alice, method, path, {} if method in ("post", "patch") else None, **headers)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "public_key")


def test_an_item_that_only_a_public_key_named_is_available_once_described(alice):
    agree(alice, "u1")
    sent(alice, event(item_id="lamp"), key=public_key(alice))
    assert item(alice).json()["available"] is False
    assert ask(alice, "patch", "/v1/items/lamp", {"title": "Lamp"}).json()["available"] is True


def test_a_repeated_write_happens_once(alice):
    for _ in range(2):
        ask(alice, "post", "/v1/items", LAMP, **{"Idempotency-Key": "k"})
    assert len(actions(alice)) == 1


def test_a_key_that_only_reads_changes_nothing(alice):
    with alice.scope:
        _, text = create_key(name="reader", scopes=["events:read"], actor=alice.actor)
    reply = ask(alice, "post", "/v1/items", LAMP, Authorization=f"Bearer {text}")
    assert reply.status_code == 403
