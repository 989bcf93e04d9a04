"""The try page: personal with consent, told why not without, recorded, nothing in the address."""

from django.test import Client
from django.urls import reverse

from recommend.models import Decision
from tenants.audit.models import AuditEntry
from tests import shop
from tests.platform.dashboard.test_pages import text_of

ADDRESS = "/try/"


def test_a_known_person_gets_history_and_items_with_reasons(serving):
    reply = serving.business.browser().post(ADDRESS, {"user_id": shop.user(1)})
    text = text_of(reply)
    assert f"Personal recommendations for {shop.user(1)}" in text
    assert "Thing" in text and "Bought" in text
    assert reply.content.decode().count('<span class="place">') == 10
    assert "What each source added:" in text


def test_variety_can_be_chosen_and_something_else_cannot(serving):
    client = serving.business.browser()
    reply = client.post(ADDRESS, {"user_id": shop.user(1), "diversity": "0.6"})
    assert reply.content.decode().count('<span class="place">') == 10
    refused = client.post(ADDRESS, {"user_id": shop.user(1), "diversity": "7"})
    assert "Select a valid choice" in text_of(refused)
    with serving.business.scope:
        assert Decision.objects.count() == 1


def test_an_answer_is_logged_and_the_look_recorded_without_the_id(serving):
    serving.business.browser().post(ADDRESS, {"user_id": shop.user(1)})
    with serving.business.scope:
        assert Decision.objects.count() == 1
        entry = AuditEntry.objects.get(action="subject.viewed")
        assert len(entry.subject_ref) == 64
        assert shop.user(1) not in str(entry.content())


def test_an_unknown_person_is_told_of_and_leaves_no_look(serving):
    reply = serving.business.browser().post(ADDRESS, {"user_id": "nobody"})
    text = text_of(reply)
    assert "Not personal: This person is not known yet. Everybody gets this list." in text
    assert "There is nothing that may be shown." in text
    with serving.business.scope:
        assert not AuditEntry.objects.filter(action="subject.viewed").exists()


def test_after_withdrawal_neither_history_nor_personal_items_are_shown(serving):
    act = {
        "user_id": shop.user(1),
        "purpose": "personalised_recommendation",
        "event": "withdrawn",
    }
    told = Client().post(
        "/v1/consents", act, content_type="application/json", headers=serving.business.headers
    )
    assert told.status_code == 201
    text = text_of(serving.business.browser().post(ADDRESS, {"user_id": shop.user(1)}))
    assert "Not personal: The person withdrew consent" in text
    assert "There is nothing that may be shown." in text


def test_htmx_takes_the_answer_alone(serving):
    client = serving.business.browser()
    reply = client.post(ADDRESS, {"user_id": shop.user(1)}, headers={"HX-Request": "true"})
    html = reply.content.decode()
    assert html.startswith('<div class="stack" id="answer"')
    assert "<html" not in html


def test_an_empty_id_is_asked_for_again(alice):
    reply = alice.browser().post(reverse("dashboard:try"), {"user_id": ""})
    assert "This field is required." in text_of(reply)
