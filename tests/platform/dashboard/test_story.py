"""The browser story: one business through every page in real Chromium, and not one complaint.

The server runs in this process on the test's own connection, so that everything is rolled back;
a lock lets requests and the test use that connection one after the other.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections
from django.test.testcases import LiveServerThread
from playwright.sync_api import Page, expect, sync_playwright

from tenants.accounts.models import Person
from tenants.rights.models import RightsRequest
from tenants.rights.opening import open_request
from tenants.work.run import run_waiting
from tests import shop
from tests.business import PASSWORD
from tests.platform.dashboard.conftest import PEOPLE
from tests.stocked import archive, publish, stock, stock_items
from tests.trained import give_version
from tests.training.jobs import grouped_shop
from training.jobs.gates import judge_version
from training.jobs.models import Version

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}


@dataclass
class Story:
    """A browser that looks at a server of ours, what it complained of, and the way to the data."""

    page: Page
    address: str
    data: Executor
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def meanwhile(self, act: Callable[..., Any], *given: Any) -> Any:
        """Do something to the data, in the thread that may; no page polls meanwhile."""
        here = self.page.url
        self.page.goto("about:blank")
        done = self.data.submit(act, *given).result()
        self.page.goto(here)
        return done

    def charts_are_drawn(self) -> None:
        figures = self.page.locator("[data-chart]")
        expect(figures).not_to_have_count(0)
        expect(self.page.locator("[data-chart]:not([data-drawn])")).to_have_count(0, timeout=20_000)

    def fits(self) -> bool:
        """Nothing reaches beyond the right edge of the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


class SharingServer(ThreadedWSGIServer):
    """Leaves the shared connection open when a request ends."""

    def _close_connections(self) -> None:
        pass


class SharingThread(LiveServerThread):
    """Django's own test server, on the connection of the test."""

    server_class = SharingServer


@pytest.fixture
def story(db: None) -> Iterator[Story]:
    """Chromium on a server of ours. Skips without Chromium, unless that must not be."""
    if CHROMIUM is None and os.environ.get("ATTUNE_REQUIRE_BROWSER") == "1":
        pytest.fail("Chromium is not installed and ATTUNE_REQUIRE_BROWSER=1 asks for it.")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed; apt-get install chromium to run this story.")
    lock = Lock()
    # Requests end with closing what is in a transaction; this one must last for the whole story.
    for moment in (request_started, request_finished):
        moment.disconnect(close_old_connections)
    shared = connections["default"]
    shared.inc_thread_sharing()
    server = SharingThread(
        "localhost", one_at_a_time(lock), connections_override={"default": shared}
    )
    server.daemon = True
    server.start()
    server.is_ready.wait()
    # Playwright keeps an event loop in this thread, which Django would take for async code.
    data = ThreadPoolExecutor(1, initializer=connections.__setitem__, initargs=("default", shared))
    try:
        assert server.error is None
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport=DESKTOP, locale="en-GB")
            told = Story(page, f"http://localhost:{server.port}", data)
            page.on("console", lambda message: complain(told, message.type, message.text))
            page.on("pageerror", lambda error: complain(told, "error", str(error)))
            yield told
            browser.close()
    finally:
        server.terminate()
        shared.dec_thread_sharing()
        for moment in (request_started, request_finished):
            moment.connect(close_old_connections)


def one_at_a_time(lock: Lock):
    """Wraps the application so that only one request uses the shared connection."""

    def wrap(application):
        def answer(environ, start_response):
            with lock:
                return application(environ, start_response)

        return answer

    return wrap


def complain(story: Story, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        story.complaints.append(text)


def sign_in(story: Story, email: str) -> None:
    story.go("/")
    story.page.get_by_label("Email").fill(email)
    story.page.get_by_label("Password").fill(PASSWORD)
    story.page.get_by_role("button", name="Sign in").click()


def upload(story: Story, kind: str, content: bytes) -> None:
    page = story.page
    story.go("/data/")
    page.locator("input[type=file]").set_input_files(
        {"name": f"{kind}.csv", "mimeType": "text/csv", "buffer": content}
    )
    page.get_by_label("What it holds").select_option(kind)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/data/uploads/*/mapping/")
    expect(page.get_by_text("You may close this page")).to_be_visible()
    story.meanwhile(run_waiting, "default")
    page.get_by_role("button", name="Store it").click()
    expect(page.get_by_text("You may close this page")).to_be_visible()
    story.meanwhile(run_waiting, "default")
    expect(page.get_by_role("heading", name="What became of every row")).to_be_visible()


def test_a_business_from_sign_in_to_a_verified_log(alice, artifact, story):
    page = story.page
    story.meanwhile(archive, alice)
    story.meanwhile(stock_items, alice)
    sign_in(story, alice.owner.email)
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()

    upload(story, "consents", shop.consents(range(12)))
    upload(story, "events", shop.purchases(range(12)))

    version = story.meanwhile(give_version, alice, artifact)
    story.go(f"/models/versions/{version.public_id}/")
    story.charts_are_drawn()
    page.get_by_text("Approve…").click()
    page.get_by_role("textbox", name="Why").fill("Better than every single source.")
    page.get_by_role("button", name="Approve", exact=True).click()
    page.get_by_text("Publish…").click()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Version 1 serves now.")).to_be_visible()

    story.go("/")
    expect(page.get_by_role("heading", name="What serves")).to_be_visible()
    story.charts_are_drawn()
    page.get_by_role("button", name="Dark").first.click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    story.charts_are_drawn()

    story.go("/try/")
    page.get_by_label("User id").fill(shop.user(1))
    page.get_by_role("button", name="Recommend").click()
    expect(page.get_by_text(f"Personal recommendations for {shop.user(1)}")).to_be_visible()
    assert shop.user(1) not in page.url

    story.go("/keys/")
    page.get_by_role("textbox", name="Name").fill("Web shop")
    page.get_by_role("button", name="Make key").click()
    expect(page.locator("#secret")).to_contain_text("ak_")

    story.go("/audit/")
    page.get_by_role("button", name="Verify the log").click()
    expect(page.get_by_text("The log is whole")).to_be_visible()
    assert story.complaints == []


def test_every_page_fits_a_phone_and_its_sheet_opens_and_closes(alice, artifact, story):
    page = story.page
    story.meanwhile(lambda: stock(alice, PEOPLE))
    story.meanwhile(lambda: publish(alice, give_version(alice, artifact)))
    sign_in(story, alice.owner.email)
    page.set_viewport_size(PHONE)
    for path in (
        "/",
        "/data/",
        "/data/quality/",
        "/data/schema/",
        "/models/",
        "/try/",
        "/audit/",
        "/members/",
        "/keys/",
        "/api/",
        "/design/",
    ):
        story.go(path)
        assert story.fits(), path
    asked = story.meanwhile(access_asked, alice)
    story.go(f"/rights/{asked.public_id}/person/")
    page.get_by_text("Item by item").click()
    assert story.fits()
    page.get_by_text("More", exact=True).click()
    expect(page.get_by_role("link", name="Audit log").last).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Audit log").last).not_to_be_visible()
    assert story.complaints == []


def access_asked(business) -> RightsRequest:
    """A request without Django's test client, which would have the shared connection closed."""
    with business.scope:
        return open_request(user_id=shop.user(1), kind="access", actor=business.actor)


def test_groups_are_declared_and_a_versions_card_shows_them(alice, artifact, story):
    page = story.page
    story.meanwhile(lambda: grouped_shop.stock(alice))
    sign_in(story, alice.owner.email)
    story.go("/models/")
    page.get_by_role("link", name="Groups for the fairness check").click()
    page.get_by_label("People by").select_option("country")
    page.get_by_label("Items by").select_option("category")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The groups are declared.")).to_be_visible()
    expect(page.get_by_label("People by")).to_have_value("country")

    version = story.meanwhile(with_groups, alice, artifact)
    page.set_viewport_size(PHONE)
    for path in ("/models/groups/", f"/models/versions/{version.public_id}/card/"):
        story.go(path)
        assert story.fits(), path
    expect(page.get_by_role("heading", name="Quality by groups of people")).to_be_visible()
    expect(page.get_by_text("only 0.1 is allowed")).to_be_visible()
    expect(page.get_by_role("row", name="north")).to_contain_text("0.6100")
    assert story.complaints == []


def with_groups(business, artifact) -> Version:
    """A version whose people of the north are served better than those of the south."""
    version = give_version(business, artifact)
    version.manifest["groups"] = {
        "keys": {"quality": "country", "exposure": "category"},
        "quality": {"north": {"count": 22, "value": 0.61}, "south": {"count": 20, "value": 0.3}},
        "exposure": {"front": {"count": 12, "value": -0.1}, "back": {"count": 18, "value": 0.1}},
        "too_few": {"quality": 2, "exposure": 0},
        "chance": {"quality": 0.001, "exposure": 0.4},
    }
    with business.scope:
        version.gates = judge_version(version, None)
        version.save()
    return version


def test_the_language_is_switched_and_kept(alice, story):
    page = story.page
    sign_in(story, alice.owner.email)
    page.get_by_title("简体中文").first.click()
    expect(page.get_by_role("heading", name="开始使用")).to_be_visible()
    story.go("/keys/")
    expect(page.get_by_role("heading", name="API 密钥", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "zh-hans"
    assert story.complaints == []


def test_a_member_is_invited_joins_and_sees_what_the_role_may(alice, story):
    page = story.page
    sign_in(story, alice.owner.email)
    page.get_by_role("link", name="Members").first.click()
    page.get_by_label("E-mail address").fill("erin@example.com")
    page.get_by_label("Role", exact=True).select_option("analyst")
    page.get_by_role("button", name="Make the link").click()
    link = page.locator("#link").inner_text().strip()
    story.go("/members/")
    expect(page.get_by_role("row", name="erin@example.com")).to_contain_text("Analyst")
    page.get_by_role("button", name="Sign out").first.click()

    page.set_viewport_size(PHONE)
    page.goto(link)
    assert story.fits()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("Welcome to Alice's shop.")).to_be_visible()
    page.get_by_text("More", exact=True).click()
    expect(page.get_by_role("link", name="API", exact=True).last).to_be_visible()
    expect(page.get_by_role("link", name="Members")).to_have_count(0)
    expect(page.get_by_role("link", name="API keys")).to_have_count(0)
    assert story.complaints == []


def test_test_mode_is_entered_and_left_by_keyboard(alice, story):
    page = story.page
    sign_in(story, alice.owner.email)
    page.get_by_text("Switch", exact=True).first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Open test mode").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("nothing here touches the live tenant")).to_be_visible()
    page.set_viewport_size(PHONE)
    story.go("/members/")
    assert story.fits()
    page.get_by_text("More", exact=True).click()
    page.get_by_text("Switch", exact=True).last.click()
    page.get_by_role("button", name="Alice's shop", exact=True).last.click()
    expect(page.get_by_text("nothing here touches the live tenant")).to_have_count(0)
    assert story.complaints == []


def test_a_stranger_reads_why_the_sign_in_failed(story):
    story.meanwhile(Person.objects.create_user, "dora@example.com", PASSWORD)
    story.go("/accounts/login/")
    story.page.get_by_label("Email").fill("dora@example.com")
    story.page.get_by_label("Password").fill("wrong")
    story.page.get_by_role("button", name="Sign in").click()
    expect(story.page.get_by_role("alert")).to_be_visible()
    assert story.complaints == []
