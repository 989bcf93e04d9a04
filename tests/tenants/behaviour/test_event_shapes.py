"""The quick look at a body and the serializers never differ: what it reads, they read the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from tenants.behaviour.streaming.event_api import EventBody, _checked
from tenants.behaviour.streaming.event_shapes import READERS, plain_events

SOUND = {"user_id": "u1", "item_id": "i1", "type": "view"}
TIMES = ["2026-03-01T10:00:00Z", "2026-03-01 10:00:00.5+02:00", "20260301T100000Z", "2026-03-01"]
TIMES += ["2026-03-01T10:00:00", "0001-01-01T00:00:00+14:00", "2026-W09-7T10:00Z", "now", ""]
ODD = ["", " ", " a ", "a\0", "\ud800", "é", "\x85b", "a\u2028", "abc", *TIMES]
NUMBERS = [0, 1, -1, 6.95, -0.0, 1e308, 10**400, float("inf"), True, False, None]
CONTEXTS = [{}, {"country": "FR"}, {"country": " "}, {"A": "x"}, {"a b": "x"}, {"country": 1}]
CONTEXTS += [dict.fromkeys("abcde", "x")]
VALUES = st.sampled_from([*ODD, *NUMBERS, *CONTEXTS, [], ["a"]])
EVENTS = st.dictionaries(st.sampled_from([*EventBody().fields, "unknown"]), VALUES, max_size=6).map(
    lambda told: {**SOUND, **told}
)


def checked(body):
    try:
        return _checked(body)
    except ValidationError:
        return None


@given(body=EVENTS | st.lists(EVENTS, max_size=3).map(lambda events: {"events": events}))
def test_what_the_quick_look_reads_the_serializers_read_the_same(body):
    quick = plain_events(body)
    assert quick is None or quick == checked(body)


@pytest.mark.parametrize("body", [*ODD, *NUMBERS, [], [SOUND], {"events": {"events": [SOUND]}}])
def test_no_body_breaks_the_quick_look(body):
    quick = plain_events(body)
    assert quick is None or quick == checked(body)


def test_ordinary_bodies_need_no_second_look():
    """Or the quick look would be of no use."""
    whole = {
        **SOUND,
        "occurred_at": "2026-11-16T09:30:00.123Z",
        "event_id": "e-1",
        "order_id": "489434",
        "item_title": "Tasse, weiß",
        "item_category": "cups",
        "value": 83.4,
        "price": 6.95,
        "quantity": 12,
        "context": {"country": "FR"},
    }
    assert plain_events(whole) == checked(whole) is not None
    many = json.loads(json.dumps({"events": [SOUND, whole] * 50}))
    assert plain_events(many) == checked(many) is not None


@pytest.mark.parametrize("events", [[], [SOUND] * 501, None, {}, "x"])
def test_how_many_is_the_serializers_matter(events):
    assert plain_events({"events": events, "more": 1}) is None
    assert plain_events({"events": events}) is None


def test_every_field_of_an_event_is_read_but_its_consent():
    assert set(READERS) == set(EventBody().fields) - {"consent"}
