"""What is held and derived of the person who asked: seen, corrected and taken out on one page."""

import re

import pytest
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Event, Item
from tenants.consent.signals import honour_gpc
from tenants.ids import public_id, uuid7
from tenants.rights.models import ProfileRemoval
from tenants.subjects.directory import find, resolve
from tests import shop
from tests.tenants.rights.asking import send, taken, verified

USER = shop.user(1)


@pytest.fixture
def business(serving):
    with serving.business.scope:
        Item.objects.update(category="Lights")
    return serving.business


def look(business, request_id: str, status: int = 200) -> str:
    reply = business.browser().get(f"/rights/{request_id}/person/")
    assert reply.status_code == status
    return reply.content.decode()


def do(business, request_id: str, what: str, **given) -> str:
    reply = business.browser().post(
        f"/rights/{request_id}/person/act/", {"do": what, **given}, follow=True
    )
    return reply.content.decode()


def newest(business) -> Event:
    with business.scope:
        mine = Event.objects.filter(subject_id=resolve([USER])[USER])
        return mine.order_by("-occurred_at", "-id").first()


def test_the_page_shows_what_is_held_and_what_is_derived(business):
    page = look(business, taken(business, "access", USER))
    assert USER in page and "What is derived now" in page and "Take out" in page
    assert "Consent records" in page and "Answers given" not in page
    assert "Correct…" not in page and "Correct the user id" not in page
    with business.scope:
        entry = AuditEntry.objects.order_by("-seq").first()
        assert entry.detail.get().details == {"page": "person"}


def test_the_history_of_a_restricted_person_is_shown_here_and_nowhere_else(business):
    """GDPR 18(2): what is restricted is stored, and read for the person's rights alone."""
    request_id = taken(business, "restriction", USER)
    send(business, f"/{request_id}/complete")
    page = look(business, request_id)
    assert "Nothing is derived of this person." in page and "restricted" in page
    assert re.search(r"Bought", page)
    elsewhere = business.browser().post("/try/", {"user_id": USER}).content.decode()
    assert "There is nothing that may be shown." in elsewhere
    assert "The use of this person's data is restricted." in elsewhere.replace("&#x27;", "'")


def test_an_item_is_taken_out_and_put_back(business):
    request_id = taken(business, "access", USER)
    with business.scope:
        item = Item.objects.get(pk=newest(business).item_id).external_id
    page = do(business, request_id, "remove", item_id=item)
    assert "It counts from the next answer on." in page and "Put back" in page
    with business.scope:
        removal = ProfileRemoval.objects.get()
    page = do(business, request_id, "put_back", removal=removal.public_id)
    assert "Put back" not in page
    gone = do(business, request_id, "put_back", removal=public_id("profile removal", uuid7()))
    assert "There is no such thing here" in gone


def test_a_removal_of_somebody_else_is_not_put_back_here(business):
    mine, other = taken(business, "access", USER), taken(business, "access", shop.user(2))
    do(business, other, "remove", category="Lights")
    with business.scope:
        removal = ProfileRemoval.objects.get()
    do(business, mine, "put_back", removal=removal.public_id)
    with business.scope:
        assert ProfileRemoval.objects.count() == 1


def test_an_event_and_an_id_are_corrected_where_that_was_asked_for(business):
    request_id = verified(business, "rectification", USER)
    event = newest(business)
    assert "Correct…" in look(business, request_id)
    moment = event.occurred_at.strftime("%Y-%m-%dT%H:%M:%S")
    do(business, request_id, "correct", act=event.dedup, type="view", value="2.5",
       quantity=1, occurred_at=moment)  # fmt: skip
    with business.scope:
        after = Event.objects.get(id=event.id)
        assert (after.value, after.type, after.occurred_at) == (2.5, 1, event.occurred_at)
    do(business, request_id, "delete", act=event.dedup)
    do(business, request_id, "rename", user_id="right-id")
    with business.scope:
        assert not Event.objects.filter(id=event.id).exists()
        assert find(USER) is None and find("right-id") is not None
    page = do(business, request_id, "delete", act=event.dedup)
    assert "There is no such thing here" in page


def test_what_was_not_asked_for_is_refused(business):
    request_id = verified(business, "access", USER)
    page = do(business, request_id, "delete", act=newest(business).dedup)
    assert "This request does not ask for a correction." in page
    assert "Enter a number" in do(
        business, request_id, "correct", act=newest(business).dedup, type="view", value="much",
        occurred_at=now().strftime("%Y-%m-%dT%H:%M:%S"),
    )  # fmt: skip
    assert business.browser().post(
        f"/rights/{request_id}/person/act/", {"do": "nonsense"}
    ).status_code == 404  # fmt: skip


def test_s14_the_page_shows_what_is_allowed_and_that_the_browsers_signal_was_honoured(business):
    """11 CCR 7025(c)(6): that the opt-out was processed is displayed."""
    request_id = verified(business, "access", USER)
    page = look(business, request_id)
    assert "Personal recommendations" in page and "Allowed" in page
    assert "Sec-GPC" not in page
    with business.scope:
        honour_gpc(user_ids=[USER], actor=business.actor)
    page = look(business, request_id)
    assert "Opted out" in page and "(Sec-GPC) was honoured on" in page
