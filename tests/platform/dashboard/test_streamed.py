"""What became of streamed events, for a member who asked for no record of any request."""

from tenants.behaviour.streaming import streamed
from tenants.behaviour.streaming.streamed import latest_streamed
from tests.platform.dashboard.test_pages import text_of
from tests.tenants.behaviour.uploads import agree
from tests.tenants.tracking.calls import sent, track


def test_a_page_without_events_says_how_to_send_them(pages):
    assert "No event was sent yet" in text_of(pages("/data/"))


def test_the_page_adds_up_why_events_were_not_stored(alice, bob, pages):
    agree(alice, "u1")
    sent(bob, track("Cart Viewed"))
    for _ in range(2):
        sent(
            alice,
            track("Product Viewed"),
            track("Song Played"),
            {"type": "identify", "userId": "u1"},
        )
    text = text_of(pages("/data/"))
    assert "2 of 4 events were stored" in text
    assert "Left out Song Played 2 The event type is not known." in text
    assert "Passed over – 2 Who somebody is" in text
    assert "Cart" not in text


def test_only_the_latest_requests_are_looked_at(alice, monkeypatch):
    monkeypatch.setattr(streamed, "LATEST", 1)
    sent(alice, track("Cart Viewed"))
    sent(alice, track("Cart Shared"))
    with alice.scope:
        found = latest_streamed()
    assert [(one.name, one.count) for one in found.ended] == [("Cart Shared", 1)]
    assert found.requests == 1
