"""Events of unknown items make a bare item, or are left out where that was asked for."""

from tenants.behaviour.models import Event, Item, Upload
from tests.tenants.behaviour.uploads import agree, events, outcomes, process

FILE = events(("u1", "known", "01"), ("u1", "unknown", "02"), ("u1", "gone", "03"))


def told(business) -> None:
    process(business, b"item_id,title\nknown,Lamp\ngone,Vase\n", Upload.ITEMS)
    agree(business, "u1")
    with business.scope:
        Item.objects.filter(external_id="gone").update(removed_at="2026-03-05T00:00:00Z")


def test_an_unknown_item_is_made_by_its_event(alice):
    told(alice)
    assert outcomes(process(alice, FILE)) == {}
    with alice.scope:
        assert Item.objects.filter(external_id="unknown").exists()


def test_unknown_items_may_be_left_out(alice):
    told(alice)
    upload = process(alice, FILE, options={"known_items_only": True})
    assert outcomes(upload) == {("rejected", "unknown_item"): (2, [2, 3])}
    with alice.scope:
        assert Event.objects.count() == 1
        assert not Item.objects.filter(external_id="unknown").exists()


def test_once_the_item_is_told_the_row_is_taken(alice):
    told(alice)
    process(alice, FILE, options={"known_items_only": True})
    process(alice, b"item_id,title\nunknown,Chair\n", Upload.ITEMS)
    upload = process(alice, FILE, options={"known_items_only": True})
    assert outcomes(upload) == {
        ("duplicate", "already_stored"): (1, [1]),
        ("rejected", "unknown_item"): (1, [3]),
    }
