"""Retention and statements in a real browser: read, changed, and fitting a phone."""

from playwright.sync_api import expect

from tests.platform.dashboard.test_story import PHONE, sign_in, story  # noqa: F401

WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def test_an_owner_keeps_less_and_says_what_only_they_can(alice, story):  # noqa: F811
    page = story.page
    sign_in(story, alice.owner.email)
    story.go("/settings/")
    page.get_by_role("link", name="Retention").click()
    page.get_by_label("Events: who did what to which item, when").fill("365")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. What is older is deleted within the hour.")).to_be_visible()
    expect(page.get_by_role("cell", name="365 days")).to_be_visible()
    story.go("/settings/statements/")
    page.get_by_label("Whose data these are").fill("Customers of the shop")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. The next pack tells it.")).to_be_visible()
    page.set_viewport_size(PHONE)
    for path in ("/settings/retention/", "/settings/statements/"):
        story.go(path)
        assert not page.evaluate(WIDE), path
    assert story.complaints == []
