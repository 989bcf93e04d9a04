"""The script in a shop's pages, in a real browser: nothing before consent, all of it once after."""

import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from django.test import Client

from tenants.accounts.keys import create_key
from tenants.behaviour.models import Event, QuarantinedRow
from tenants.tracking.landing import land
from tenants.tracking.services import keep_messages
from tenants.tracking.snippet import PATH, embedding
from tests.platform.dashboard.test_story import Story, story  # noqa: F401
from tests.tenants.behaviour.streams import public_key
from tests.tenants.behaviour.uploads import agree

SHOP = """<!doctype html><title>Shop</title>
<main data-attune-page="lamp">
  <button id="add" data-attune-item="lamp" data-attune-event="add_to_cart"><b>Add</b></button>
  <button id="open" data-attune-item="shade">Open</button>
  <button id="other">Nothing of ours</button>
</main>
<script>window.attuneConsent = (tell) => {{ window.tell = tell; {at_once} }};</script>
<script src="{script}" data-key="{key}" {more}></script>"""
PATIENCE = 20.0  # seconds
PRIVACY = "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})"


def test_the_script_is_small():
    """Acceptance: under 4 kB gzipped."""
    with open(f"tenants/tracking/static/{PATH}", "rb") as file:
        assert len(gzip.compress(file.read())) < 4_000


def test_other_sites_may_load_the_script_and_nothing_else(db):
    script = Client().get(f"/static/{PATH}")
    assert script.status_code == 200
    assert script["Cross-Origin-Resource-Policy"] == "cross-origin"
    other = Client().get("/static/dashboard/js/shell.js")
    assert other["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Set-Cookie" not in script


def test_the_lines_to_embed_name_script_and_key():
    lines = embedding("https://attune.example/static/tracking/attune.js", "ak_public_…")
    assert '<script defer src="https://attune.example/static/tracking/attune.js"' in lines
    assert 'data-key="ak_public_…"' in lines


class ShopServer(ThreadingHTTPServer):
    """A shop of its own origin; a page that Playwright made up might not call this machine."""

    html = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ShopPage)


class ShopPage(BaseHTTPRequestHandler):
    """The one page; nothing is logged."""

    server: ShopServer

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.server.html.encode())

    def log_message(self, *words: object) -> None:
        pass


@dataclass
class Visit:
    """A shop on another origin, and the requests that its page makes to us."""

    story: Story
    key: str
    shop: ShopServer
    sent: list[str] = field(default_factory=list)
    # Requests that were taken here, beacons too, which a page hears nothing of.
    taken: list[object] = field(default_factory=list)

    def open(self, at_once: str = "", more: str = "") -> None:
        self.shop.html = SHOP.format(
            script=f"{self.story.address}/static/{PATH}",
            key=self.key, at_once=at_once, more=more,
        )  # fmt: skip
        self.story.page.goto(f"http://127.0.0.1:{self.shop.server_port}/shop")

    def leave(self, taken: int = 0) -> None:
        """Away from the page; so many requests were taken since it was first opened."""
        self.story.page.goto("about:blank")
        self.story.page.wait_for_timeout(500)
        self.wait_for(taken)

    def wait_for(self, taken: int) -> None:
        """Until so many requests were taken and answered: one that is not is sent again."""
        page, deadline = self.story.page, time.monotonic() + PATIENCE
        while len(self.taken) < taken and time.monotonic() < deadline:
            page.wait_for_timeout(200)
        page.wait_for_timeout(300)  # its transaction ends
        assert len(self.taken) == taken

    def tell(self, words: str) -> None:
        self.story.page.evaluate(f"window.tell({words})")

    def cookies(self) -> list[str]:
        return [cookie["name"] for cookie in self.story.page.context.cookies()]


@pytest.fixture
def key(alice) -> str:
    """Made before the browser: then its thread is no place for the database any more."""
    agree(alice, "u1")
    with alice.scope:
        return create_key(name="shop", kind="public", actor=alice.actor)[1]


@pytest.fixture
def visit(key, story, monkeypatch) -> Iterator[Visit]:  # noqa: F811
    shop = ShopServer()
    Thread(target=shop.serve_forever, daemon=True).start()
    made = Visit(story, key, shop)

    def keep(**told):
        made.taken.append(keep_messages(**told))
        return made.taken[-1]

    monkeypatch.setattr("tenants.tracking.api.keep_messages", keep)
    story.page.on(
        "request",
        lambda request: made.sent.append(request.url) if "/v1/" in request.url else None,
    )
    yield made
    shop.shutdown()
    assert story.complaints == []


def stored(visit: Visit, business) -> list[tuple[str, int]]:
    def look() -> list[tuple[str, int]]:
        land(business.tenant.id)
        with business.scope:
            rows = Event.objects.order_by("type").values_list("item__external_id", "type")
            return list(rows)

    return visit.story.data.submit(look).result()


def test_nothing_is_sent_or_kept_before_consent_is_told(alice, visit):
    visit.open(more='data-user="u1"')
    page = visit.story.page
    page.click("#add")
    page.evaluate("attune.track('like', 'lamp')")
    page.wait_for_timeout(2_500)
    visit.leave()
    assert (visit.sent, visit.cookies()) == ([], [])
    visit.open(at_once="tell(false)", more='data-user="u1"')
    page.click("#add")
    visit.leave()
    assert (visit.sent, visit.cookies(), stored(visit, alice)) == ([], [], [])


def test_views_and_marked_clicks_arrive_once_after_consent(alice, visit):
    """Acceptance: page views, clicks on marked elements, in batches, the last ones by a beacon."""
    visit.open(at_once="tell(true)", more='data-user="u1"')
    page = visit.story.page
    page.click("#add b")
    page.click("#other")
    page.wait_for_timeout(2_500)
    assert len(visit.sent) == 1
    visit.wait_for(taken=1)
    page.click("#open")
    visit.leave(taken=2)
    assert stored(visit, alice) == [("lamp", 1), ("shade", 2), ("lamp", 3)]
    assert visit.cookies() == []


def test_a_visitor_has_a_cookie_only_while_they_agree(alice, visit):
    visit.open(at_once="tell(true, {Advertising: false})")
    assert visit.cookies() == ["attune_id"]
    visit.tell("false")
    assert visit.cookies() == []
    visit.story.page.click("#add")
    visit.leave()
    assert visit.sent == []
    visit.open(at_once="tell(true)")
    visit.leave(taken=1)

    def held() -> int:
        land(alice.tenant.id)
        with alice.scope:
            return QuarantinedRow.objects.count()

    assert visit.story.data.submit(held).result() == 1


def test_a_browser_that_asks_for_privacy_sends_nothing(alice, visit):
    visit.story.page.add_init_script(PRIVACY)
    visit.open(at_once="tell(true)", more='data-user="u1"')
    visit.story.page.click("#add")
    visit.leave()
    assert (visit.sent, visit.cookies(), stored(visit, alice)) == ([], [], [])


def test_what_finds_no_server_is_sent_again_and_counts_once(alice, visit):
    page = visit.story.page
    answers = iter((True, False))

    def meet(route) -> None:
        """The first is answered, but the page never hears of it."""
        if next(answers, None):
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/b", meet)
    visit.open(at_once="tell(true)", more='data-user="u1"')
    page.wait_for_timeout(8_000)
    page.unroute("**/v1/b")
    visit.story.complaints[:] = [
        each for each in visit.story.complaints if "ERR_FAILED" not in each
    ]
    visit.leave(taken=2)
    assert len(visit.sent) == 2
    assert stored(visit, alice) == [("lamp", 1)]


def test_the_public_key_is_the_only_kind_that_is_shown_with_lines_to_embed(alice):
    browser = alice.browser()
    made = browser.post("/keys/new/", {"name": "web", "kind": "public"}).content.decode()
    assert "data-attune-page" in made
    secret = browser.post("/keys/new/", {"name": "all", "kind": "secret"}).content.decode()
    assert "data-attune-page" not in secret
    assert "ak_public_…" in browser.get("/keys/").content.decode()


def test_public_keys_of_one_page_still_send_only_from_there(alice):
    reply = Client().post(
        "/v1/b", {"batch": [], "writeKey": public_key(alice)}, content_type="application/json"
    )
    assert reply.status_code == 403
