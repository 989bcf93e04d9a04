"""What may be sent to `POST /v1/events`: a fault of form stores nothing, a bad event ends alone."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tenants.behaviour.cleaning.event_cleaning import CARRIED
from tenants.behaviour.columns.schema import EVENTS
from tenants.behaviour.models import Event
from tenants.behaviour.streaming.streaming import MOST
from tests.tenants.behaviour.streams import counts, ended, event, kept, post, sent
from tests.tenants.behaviour.uploads import agree

HUGE = float("1e300")
FAULTS = [
    ([], None),
    ("text", None),
    (None, None),
    ({}, "user_id"),
    ({"events": []}, "events"),
    ({"events": {}}, "events"),
    ({"events": None}, "events"),
    ({"events": [event()], "user_id": "u1"}, "user_id"),
    ({"events": [event(), "text"]}, "events.1"),
    ({"events": [event(), event(user_id=None)]}, "events.1.user_id"),
    ({"events": [event(), event(), event(type=17)]}, "events.2.type"),
    (event(item_id=""), "item_id"),
    (event(item_id="  "), "item_id"),
    (event(item_id=13085), "item_id"),
    (event(user_id="a\x00b"), "user_id"),
    (event(item_title="a\ud800b"), "item_title"),
    (event(price="6.95"), "price"),
    (event(value=True), "value"),
    (event(quantity=[1]), "quantity"),
    (event(occurred_at="yesterday"), "occurred_at"),
    (event(occurred_at="2026-03-01T10:00:00"), "occurred_at"),
    (event(occurred_at=1_772_359_200), "occurred_at"),
    (event(occurred_at="0001-01-01T00:00:00+14:00"), "occurred_at"),
    (event(colour="red"), "colour"),
    ({"events": [event(), event(colour="red")]}, "events.1.colour"),
    (event(**{"a@example.com": 1}), None),
    (event(**{"\ud800": 1}), None),
    ({**event(), "value": None}, "value"),
]


@pytest.mark.parametrize("body, param", FAULTS, ids=[str(n) for n in range(len(FAULTS))])
def test_a_faulty_form_is_named_and_stores_nothing(alice, body, param):
    agree(alice, "u1")
    before = kept(alice)
    reply = post(alice, json.dumps(body))
    assert reply.status_code == 400, reply.content
    error = reply.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_value", param)
    assert "example.com" not in error["message"]
    assert kept(alice) == before


@pytest.mark.parametrize("body", ["", "{", '{"value": NaN}', "[" * 100_000, b"\xff", "9" * 5_000])
def test_what_is_no_json_stores_nothing(alice, body):
    before = kept(alice)
    reply = post(alice, body)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")
    assert kept(alice) == before


def test_as_many_as_are_allowed_are_taken_at_once_and_no_more(alice):
    agree(alice, "u1")
    many = [event(event_id=f"e-{n}") for n in range(MOST + 1)]
    before = kept(alice)
    reply = post(alice, {"events": many})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "events")
    assert kept(alice) == before
    assert MOST == 500
    assert counts(sent(alice, *many[:MOST])) == {"received": MOST, "accepted": MOST}


UNUSABLE = [
    ({"value": 1e999}, "bad_value"),
    ({"value": 10**400}, "bad_value"),
    ({"price": HUGE, "quantity": HUGE, "type": "purchase"}, "bad_value"),
    ({"price": -1}, "bad_price"),
    ({"quantity": 0, "type": "purchase"}, "bad_quantity"),
    ({"user_id": "x" * 201}, "id_too_long"),
    ({"item_title": "x" * 1_001}, "text_too_long"),
    ({"item_id": "a\nb"}, "control_character"),
    ({"item_id": "POSTAGE"}, "pseudo_item"),
    ({"type": "null"}, "missing_type"),
    ({"item_id": "null"}, "missing_item"),
    ({"occurred_at": "0001-01-01T00:00:00Z"}, "bad_time"),
]


@pytest.mark.parametrize("changed, code", UNUSABLE, ids=[code for _, code in UNUSABLE])
def test_an_event_that_cannot_be_used_is_rejected_by_itself(alice, changed, code):
    agree(alice, "u1")
    bad = json.dumps(event(**changed)).replace("Infinity", "1e999")
    answer = post(alice, f'{{"events": [{bad}, {json.dumps(event())}]}}').json()
    assert ended(answer) == [(0, "rejected", code)]
    with alice.scope:
        assert Event.objects.get().item.external_id == "i1"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)  # fmt: skip
MOMENTS = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
FIELDS = {
    "user_id": st.sampled_from(["u1", "u2", "null", "x" * 201, "a\x07"]),
    "item_id": st.sampled_from(["i1", "i2", "13085.0", "postage"]) | st.text(max_size=5),
    "type": st.sampled_from(["view", "PURCHASE", "veiw", ""]),
    "occurred_at": MOMENTS | st.just("2026-03-01T10:00:00Z"),
    **{name: st.floats(allow_nan=False) | st.integers() for name in ("value", "price", "quantity")},
    **{name: st.text(max_size=5) for name in ("event_id", "order_id")},
    **{name: st.text(max_size=5) for name in ("item_title", "item_category")},
}
NEEDED = ("user_id", "item_id", "type")
WELL_MEANT = st.fixed_dictionaries(
    {name: FIELDS[name] for name in NEEDED},
    optional={name: each for name, each in FIELDS.items() if name not in NEEDED},
)
SPOILING = st.dictionaries(st.sampled_from([*FIELDS, "colour"]), JSON, max_size=1)
SPOILT = st.builds(lambda sound, more: {**sound, **more}, WELL_MEANT, SPOILING)
BODIES = (
    JSON | SPOILT | st.fixed_dictionaries({"events": st.lists(SPOILT | WELL_MEANT, max_size=6)})
)


def test_the_fields_are_those_of_an_upload():
    """What an event says of consent is one object here and columns there."""
    assert set(FIELDS) == {column.name for column in EVENTS.columns} - set(CARRIED)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=BODIES)
@example(body={"events": [event(value=1e308, price=1e308, quantity=1e308)]})
def test_whatever_is_sent_is_taken_or_refused_and_adds_up(alice, body):
    reply = post(alice, json.dumps(body))
    assert reply.status_code in (202, 400), reply.content
    answer = reply.json()
    if reply.status_code == 400:
        assert answer["error"]["type"] == "invalid_request_error"
        return
    parts = ("accepted", "duplicate", "quarantined", "rejected")
    assert answer["received"] == sum(answer[part] for part in parts)
    assert len(answer["rows"]) == answer["received"] - answer["accepted"]
    assert answer["received"] == len(body.get("events", [body]))
