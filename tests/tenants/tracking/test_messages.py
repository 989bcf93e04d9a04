"""What each message becomes: an event, several, or one that is passed over with its reason."""

from datetime import UTC, datetime, timedelta

import pytest

from tenants.behaviour.columns.schema import EVENT_TYPES, plain_name
from tenants.behaviour.models import Event, EventBatch, Item
from tenants.behaviour.streaming.outcomes import MOST_NAMES
from tenants.consent.models import ConsentRecord, ConsentSignal
from tenants.consent.signals import set_signals
from tenants.subjects.directory import known
from tenants.tracking import parts
from tenants.tracking.ecommerce import ACTS, UNTOLD
from tenants.tracking.moments import Unreadable, happened_at, moment_of
from tests.tenants.behaviour.uploads import agree
from tests.tenants.tracking.calls import LAMP, call, passed, sent, stored, track

TYPES = {kind.code: kind.name for kind in EVENT_TYPES}


@pytest.fixture
def ready(alice):
    agree(alice, "u1")
    return alice


def test_every_mapped_name_leads_to_a_type_of_ours():
    ours = {kind.name for kind in EVENT_TYPES}
    assert {act.type for act in ACTS.values()} | {"comment"} <= ours
    assert not set(ACTS) & UNTOLD


@pytest.mark.parametrize(
    "name, type_name",
    [
        ("Product Viewed", "view"), ("viewed product", "view"), ("product_clicked", "click"),
        ("Product Added", "add_to_cart"), ("Order Completed", "purchase"),
        ("Product Added to Wishlist", "like"), ("Product Shared", "share"),
        ("Product Reviewed", "comment"), ("Products Searched", "search"), ("dislike", "dislike"),
        ("Thumbs Down", "dislike"),
    ],
)  # fmt: skip
def test_a_name_becomes_a_type(ready, name, type_name):
    assert sent(ready, track(name)).accepted == 1
    assert [TYPES[kind] for _, _, kind, _ in stored(ready)] == [type_name]


def test_an_order_is_one_purchase_for_each_product(ready):
    products = [LAMP, {"sku": 7, "price": "1.50"}, {"name": "no id"}, "no product"]
    batch = sent(ready, track("Order Completed", {"order_id": "o-1", "products": products}))
    assert sorted(stored(ready)) == [("u1", "7", 4, 1.5), ("u1", "lamp", 4, 40.0)]
    assert (batch.accepted, passed(batch)) == (2, {("no_item", "Order Completed"): 2})
    with ready.scope:
        lamp = Item.objects.get(external_id="lamp")
    assert (lamp.title, lamp.category, lamp.price) == ("Lamp", "Light", 20.0)


def test_a_review_is_a_rating_with_its_stars_and_keeps_no_word_of_it(ready):
    review = {"product_id": "lamp", "rating": 4, "review_body": "from Ann, ann@example.com"}
    sent(ready, track("Product Reviewed", review))
    assert stored(ready) == [("u1", "lamp", 5, 4.0)]


def test_a_page_is_an_event_only_where_it_names_an_item(ready):
    page = {"type": "page", "userId": "u1", "name": "Home"}
    batch = sent(ready, page, {**page, "properties": {"sku": "lamp"}})
    assert stored(ready) == [("u1", "lamp", 1, None)]
    assert passed(batch) == {("no_item", "page"): 1}


def test_nothing_is_lost_in_silence(ready):
    """Acceptance: every message is an event or stands in the record with its reason."""
    batch = sent(
        ready,
        "no message", None, {}, {"type": "click"}, {"type": ["no", "text"]},
        {"type": "track", "userId": "u1"},
        track("Product Viewed", userId=None), track("Product Viewed", userId={"an": "object"}),
        track("Cart Viewed"), track("Song Played", {}), track("Song Played"),
        track("Product Viewed", timestamp="yesterday"), track("Product Viewed", timestamp=5),
        track("Product Viewed", context={"consent": {"categoryPreferences": "no"}}),
        track("Product Viewed", properties=None, timestamp="9999-12-31T00:00:00Z"),
        track("Product Viewed", {**LAMP, "price": "dear"}),
        track("Product Viewed", {"product_id": "\ud800"}),
        {"type": "identify", "userId": "u1"}, {"type": "alias", "previousId": "a", "userId": "u1"},
    )  # fmt: skip
    assert passed(batch) == {
        ("malformed", ""): 2,
        ("unknown_call", ""): 2,
        ("unknown_call", "click"): 1,
        ("no_name", ""): 1,
        ("no_user", "Product Viewed"): 2,
        ("untold", "Cart Viewed"): 1,
        ("no_item", "Song Played"): 1,
        ("unknown_type", "Song Played"): 1,
        ("bad_time", ""): 2,
        ("bad_consent", ""): 1,
        ("future_time", ""): 1,
        ("bad_price", ""): 1,
        ("control_character", ""): 1,
        ("identify", ""): 1,
        ("alias", ""): 1,
    }
    assert sum(one["count"] for one in batch.outcomes) == 19
    assert (batch.received, batch.accepted, batch.rejected) == (4, 0, 4)


def test_a_name_that_may_be_a_persons_is_counted_without_it(ready):
    names = ["ann@example.com wrote", "x" * 500, "a\nb", *(f"Event {n}" for n in range(30))]
    batch = sent(ready, *(track(name, {}) for name in names))
    told = passed(batch)
    assert sum(told.values()) == len(names)
    assert "example.com" not in str(told)
    assert len(told) <= MOST_NAMES + 1


def test_somebody_without_a_name_is_a_person_of_their_own(alice):
    """Acceptance: alias and identify make nobody one with another; each has their own consent."""
    agree(alice, "anon-1")
    sent(
        alice,
        track("Product Viewed", userId=None, anonymousId="anon-1"),
        {"type": "identify", "anonymousId": "anon-1", "userId": "u1"},
        {"type": "alias", "previousId": "anon-1", "userId": "u1"},
        track("Product Viewed", anonymousId="anon-1"),
    )
    assert stored(alice) == [("anon-1", "lamp", 1, None)]
    with alice.scope:
        assert len(set(known(["anon-1", "u1"]).values())) == 2
        assert EventBatch.objects.get().quarantined == 1


@pytest.mark.parametrize(
    "fields, batch, expected",
    [
        # The client's clock is an hour ahead: what it says is set back by that hour.
        ({"timestamp": "+3600"}, "+3600", 0),
        ({"timestamp": "-60"}, "0", -60),
        ({"timestamp": "-60"}, None, -60),
        ({"originalTimestamp": "-90", "timestamp": "-60"}, "0", -90),
        ({"timestamp": "+3540", "sentAt": "+3600"}, "0", -60),
        ({}, "+3600", 0),
        ({"timestamp": "-60"}, "garbled", -60),
    ],
)
def test_a_wrong_clock_is_corrected_as_segment_does(ready, fields, batch, expected):
    moment = datetime.now(UTC)

    def clock(told: str | None) -> str | None:
        try:
            return told and (moment + timedelta(seconds=int(told))).isoformat()
        except ValueError:
            return told

    sent(
        ready,
        track("Product Viewed", **{name: clock(told) for name, told in fields.items()}),
        sentAt=clock(batch),
    )
    with ready.scope:
        found = Event.objects.get().occurred_at
    assert abs((found - moment).total_seconds() - expected) < 5


def test_times_are_read_as_libraries_write_them():
    received = datetime(2026, 11, 16, tzinfo=UTC)
    for text in ("2015-02-02T00:30:08.276Z", "2015-2-02T00:30:08.276Z", "2015-02-02T00:30:08.276",
                 "2015-02-02T01:30:08.276+01:00"):  # fmt: skip
        assert happened_at(moment_of(text), None, received) == datetime(
            2015, 2, 2, 0, 30, 8, 276_000, tzinfo=UTC
        )
    assert moment_of(None) is None
    for bad in ("", " ", "now", "2026-13-01T00:00:00Z", 5, [], True):
        if bad == "":
            assert moment_of(bad) is None
            continue
        with pytest.raises(Unreadable):
            moment_of(bad)
    with pytest.raises(Unreadable):
        happened_at(datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), received)


def preferences(**told: bool) -> dict[str, object]:
    return {"consent": {"categoryPreferences": told}}


@pytest.fixture
def mapped(ready):
    with ready.scope:
        set_signals(
            rows=[
                {"kind": "segment", "category": "Advertising", "purpose": "marketing"},
                {"kind": "segment", "category": "Functional",
                 "purpose": "personalised_recommendation"},
                {"kind": "google", "category": "Analytics", "purpose": "analytics"},
            ],
            notice=None,
            actor=ready.actor,
        )  # fmt: skip
    return ready


def test_a_refused_category_takes_its_purpose_from_the_act_alone(mapped):
    batch = sent(
        mapped,
        track("Product Viewed", context=preferences(Advertising=False, Functional=True)),
        track("Product Viewed", context=preferences(Functional=False, Analytics=False)),
        track("Product Viewed", context={"consent": {}}),
    )
    assert passed(batch) == {("unmapped_category", "Analytics"): 1}
    with mapped.scope:
        kept = {tuple(event.withheld or ()) for event in Event.objects.all()}
        assert not ConsentSignal.objects.exists()
        assert ConsentRecord.objects.count() == 1
    assert kept == {("marketing",), ("personalised_recommendation",), ()}


def test_the_context_of_the_batch_holds_for_messages_without_their_own(mapped):
    sent(mapped, track("Product Viewed"), context=preferences(Advertising=False))
    with mapped.scope:
        assert Event.objects.get().withheld == ["marketing"]


def test_an_allowed_category_is_no_consent(mapped):
    """Acceptance: it may narrow consent and never creates any."""
    batch = sent(mapped, track("Product Viewed", userId="u2", context=preferences(Functional=True)))
    assert (batch.accepted, batch.quarantined) == (0, 1)
    with mapped.scope:
        assert not ConsentRecord.objects.filter(subject_id=known(["u2"])["u2"]).exists()


def test_global_privacy_control_opts_out_whom_we_know(ready):
    call(ready, "/v1/track", track("Product Viewed"), **{"Sec-GPC": "1"})
    with ready.scope:
        told = ConsentRecord.objects.filter(event="opted_out").values_list("purpose", flat=True)
        assert sorted(told) == ["marketing", "third_party_share"]


def test_more_acts_than_one_request_may_hold_are_refused_as_a_whole(ready, monkeypatch):
    monkeypatch.setattr("tenants.tracking.services.MOST_ACTS", 2)
    order = track("Order Completed", {"products": [LAMP, LAMP, LAMP]})
    reply = call(ready, "/v1/batch", {"batch": [order]})
    assert (reply.status_code, reply.json()["code"]) == (400, "too_many_acts")
    assert stored(ready) == []


def test_names_are_read_whatever_their_case_and_blanks():
    assert {plain_name("Product Viewed"), plain_name("product_viewed")} <= set(ACTS)


def test_no_long_name_of_a_stranger_is_remembered(ready):
    before = parts.remembered_act.cache_info().currsize
    sent(ready, track("x" * 30_000), track("x" * 81))
    assert parts.remembered_act.cache_info().currsize == before
    sent(ready, track("y" * 80))
    assert parts.remembered_act.cache_info().currsize == before + 1
