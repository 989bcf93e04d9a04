"""The page of retention: every class with its reason, and numbers that are held to the table."""

from compliance.models import RetentionChoice
from compliance.retention.classes import CLASSES

PATH, SAVE = "/settings/retention/", "/settings/retention/save/"


def test_every_class_is_shown_with_its_reason(alice):
    page = alice.browser().get(PATH).content.decode()
    for one in CLASSES:
        assert str(one.says) in page
    assert "As long as the tenant" in page and "1,095 days" in page


def test_a_choice_is_saved_and_shown(alice):
    browser = alice.browser()
    assert browser.post(SAVE, {"events": "365", "decisions": ""}).status_code == 302
    with alice.scope:
        assert list(RetentionChoice.objects.values_list("code", "days")) == [("events", 365)]
    assert "365 days" in browser.get(PATH).content.decode()


def test_too_few_days_are_refused_beside_their_field(alice):
    reply = alice.browser().post(SAVE, {"events": "3"})
    assert reply.status_code == 422
    assert "Choose at least as many days as stand beside it" in reply.content.decode()
    with alice.scope:
        assert RetentionChoice.objects.count() == 0
