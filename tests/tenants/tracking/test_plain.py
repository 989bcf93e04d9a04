"""The quick reading of a message is the slow one's: whatever it tells, both say the same."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.behaviour.columns.schema import EVENTS
from tenants.behaviour.streaming.told import Row, micros, row_of
from tenants.tracking.landing import _read
from tenants.tracking.messages import Envelope, read_messages
from tenants.tracking.plain import Plain
from tests.tenants.tracking.calls import LAMP, track

RECEIVED = datetime(2026, 3, 1, 12, tzinfo=UTC)
ODD = st.sampled_from(
    [None, "", " ", 0, 7, -1, 1.5, True, [], {}, "  x ", "lampe é", "\x00", 10**25, ["a"], {"a": 1}]
)
NAMES = st.sampled_from(
    [
        "Product Viewed", "Product Added", "Order Completed", "Product Reviewed", "Cart Viewed",
        "Song Played", "x" * 90,
    ]
)  # fmt: skip
TIMES = st.sampled_from(
    [
        "2026-03-01T11:59:00.123Z", "2026-03-01T11:59:00+02:00", "2026-03-01T11:59:00",
        "2026-3-1T11:59:00Z", "2026-03-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
        "1969-12-31T00:00:00Z", "2090-01-01T00:00:00Z", "yesterday",
    ]
)  # fmt: skip
LINE = st.fixed_dictionaries(
    {},
    optional={
        name: ODD | values
        for name, values in {
            "product_id": st.just("lamp"), "sku": st.just("s-1"), "itemId": st.just("i"),
            "price": st.sampled_from([2, 1.5, "3.20", "dear", 10**400]), "quantity": st.just(2),
            "order_id": st.just("o-1"), "orderId": st.just(5), "name": st.just("Lamp"),
            "category": st.just("Light"), "rating": st.just(4),
        }.items()
    },
)  # fmt: skip
PROPERTIES = st.builds(
    lambda line, products: {**line, **({"products": products} if products else {})},
    LINE,
    ODD | st.lists(LINE | ODD, max_size=2),
)
CONTEXT = ODD | st.just({"consent": {}}) | st.just({"library": {"name": "analytics"}})
MESSAGE = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "track", "track", "page", "identify"]) | ODD},
    optional={
        "event": NAMES | ODD,
        "userId": st.just("u1") | ODD,
        "anonymousId": st.just("a1") | ODD,
        "messageId": st.just("m-1"),
        "timestamp": TIMES | ODD,
        "originalTimestamp": TIMES | ODD,
        "sentAt": TIMES | ODD,
        "properties": PROPERTIES | ODD,
        "context": CONTEXT,
    },
)


class NothingWithheld:
    def withheld(self, consent):
        return None, []


def told(message, sent=None):
    read = read_messages([message], Envelope(RECEIVED, sent, None, NothingWithheld()))
    return [event._replace(event_id=None) for event in read.events], read.passed_over


@settings(max_examples=1_500, deadline=None)
@given(MESSAGE, TIMES | st.none())
def test_a_message_is_read_alike_with_and_without_the_second_look(message, sent):
    quick = told(message, sent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plain, "row", lambda self, message: None)
        assert told(message, sent) == quick


def test_the_usual_message_needs_no_second_look():
    plain = Plain(RECEIVED, RECEIVED - timedelta(hours=1))
    at = "2026-03-01T10:59:00Z"
    row = plain.row(track("Product Viewed", timestamp=at, messageId="m-1"))
    assert row == row_of(
        {
            "user_id": "u1", "item_id": "lamp", "type": "view", "event_id": "m-1",
            "occurred_at": RECEIVED - timedelta(minutes=1), "item_title": "Lamp",
            "item_category": "Light", "price": 20.0, "quantity": 2.0,
        }
    )  # fmt: skip
    assert isinstance(row, Row) and row.occurred_at == micros(RECEIVED) - 60_000_000
    assert plain.row(track("Product Reviewed", timestamp=at)) is None
    assert plain.row(track("Order Completed", {"products": [LAMP]}, timestamp=at)) is None
    assert plain.row(track("Product Viewed", timestamp=at, context={"consent": {"a": 1}})) is None


def test_a_row_has_the_columns_of_an_upload():
    assert set(Row._fields) == {*(column.name for column in EVENTS.columns), "context"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"userId": 12345678901234567890123}', b'{"userId": -9999999999999999999}',
        b'{"price": 1e400}', b'{"userId": "\\ud800"}', '{"userId": "é"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"userId": 1}', b'{"a": 1, "a": -0.0}',
        b'{"messageId": "00000000000000000000000000000000"}',
    ],
)  # fmt: skip
def test_a_body_is_read_as_the_slower_reader_reads_it(body):
    assert json.dumps(_read(body)) == json.dumps(json.loads(body))


def test_a_body_too_deep_for_the_slower_reader_is_read_by_the_quick_one():
    assert _read(b'{"a":' + b"[" * 1_000 + b"]" * 1_000 + b"}")["a"]
