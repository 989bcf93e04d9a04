"""What events tell of items: filled in where nothing stands, and nothing at all by a public key."""

import pytest

from tenants.behaviour.models import Event, Item, QuarantinedRow, Upload
from tests.tenants.behaviour.streams import event, public_key, sent
from tests.tenants.behaviour.uploads import agree, process

CATALOGUE = b"item_id,title,category,price\ni1,Red lamp,Light,10\n"
LIE = {"item_title": "FREE", "item_category": "Junk", "price": 0.01}


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path


def items(business) -> list[tuple[str, str, str, float | None, bool]]:
    with business.scope:
        found = Item.objects.order_by("external_id")
        return list(found.values_list("external_id", "title", "category", "price", "available"))


def test_an_event_fills_what_is_empty_and_changes_nothing_that_stands(alice):
    agree(alice, "u1")
    process(alice, CATALOGUE, Upload.ITEMS)
    process(alice, b"item_id,title\ni2,Cup\n", Upload.ITEMS)
    sent(alice, event(**LIE), event(item_id="i2", **LIE))
    assert items(alice) == [
        ("i1", "Red lamp", "Light", 10.0, True),
        ("i2", "Cup", "Junk", 0.01, True),
    ]


def test_a_public_key_changes_no_item(alice):
    agree(alice, "u1")
    process(alice, CATALOGUE, Upload.ITEMS)
    process(alice, b"item_id,available\ni2,no\n", Upload.ITEMS)
    with alice.scope:
        before = list(Item.objects.order_by("id").values())
    sent(alice, event(**LIE), event(item_id="i2", **LIE), key=public_key(alice))
    with alice.scope:
        assert list(Item.objects.order_by("id").values()) == before
        assert Event.objects.count() == 2


def test_an_item_that_only_a_public_key_names_is_bare_and_not_for_sale(alice):
    agree(alice, "u1")
    sent(alice, event(item_id="i9", **LIE), key=public_key(alice))
    assert items(alice) == [("i9", "", "", None, False)]


@pytest.mark.parametrize("how", ["catalogue", "event", "file"])
def test_it_is_for_sale_once_somebody_trusted_describes_it(alice, how):
    agree(alice, "u1")
    sent(alice, event(**LIE), key=public_key(alice))
    if how == "catalogue":
        process(alice, CATALOGUE, Upload.ITEMS)
    elif how == "event":
        sent(alice, event(event_id="e", item_title="Red lamp", item_category="Light", price=10))
    else:
        process(alice, b"user_id,item_id,type,occurred_at,item_title,item_category,price\n"
                b"u1,i1,view,2026-03-02T10:00:00Z,Red lamp,Light,10\n")  # fmt: skip
    assert items(alice) == [("i1", "Red lamp", "Light", 10.0, True)]


def test_what_the_catalogue_takes_off_sale_no_event_puts_back(alice):
    agree(alice, "u1")
    sent(alice, event(), key=public_key(alice))
    process(alice, b"item_id,available\ni1,no\n", Upload.ITEMS)
    sent(alice, event(event_id="e"), event(event_id="f", **LIE))
    assert items(alice) == [("i1", "FREE", "Junk", 0.01, False)]


def test_a_public_key_names_items_and_people_only_with_rows_that_are_kept(alice):
    """An act sent again under its event id would otherwise make as many as its sender likes."""
    agree(alice, "u1")
    key = public_key(alice)
    sent(alice, event(event_id="e"), event(event_id="f", user_id="u2"), key=key)
    sent(alice, event(event_id="e", item_id="i7", user_id="u7"), key=key)
    sent(alice, event(event_id="f", item_id="i8", user_id="u8"), event(type="?", item_id="i9"),
         key=key)  # fmt: skip
    assert [item[0] for item in items(alice)] == ["i1"]
    with alice.scope:
        assert (Event.objects.count(), QuarantinedRow.objects.count()) == (1, 1)


def test_an_item_of_which_nothing_new_is_told_is_not_written(alice):
    """So that requests which name the same popular item do not wait for each other."""
    agree(alice, "u1")
    later = {"occurred_at": "2026-03-02T10:00:00Z"}
    sent(alice, event(item_title="Red lamp", item_category="Light", price=10))
    with alice.scope:
        before = list(Item.objects.values())
    sent(alice, event(item_title="Blue lamp", item_category="Junk", price=1, **later))
    with alice.scope:
        assert list(Item.objects.values()) == before
        assert Event.objects.count() == 2
    sent(alice, event(occurred_at="2026-02-01T10:00:00Z"))
    with alice.scope:
        assert Item.objects.get().first_seen_at < before[0]["first_seen_at"]
        assert Item.objects.get().title == "Red lamp"
