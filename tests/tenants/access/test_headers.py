"""What every answer tells browsers and caches, errors and static files included."""

import pytest
from django.test import Client
from django.urls import path

from attune import urls
from tenants.access.headers import PERMISSIONS


def break_down(request):
    raise RuntimeError("a bug")


urlpatterns = [*urls.urlpatterns, path("broken", break_down), path("v1/broken", break_down)]

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
}
POLICY = {"default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"}
# Path -> status, as Alice's browser gets it.
ANSWERS = {
    "/": 200,
    "/accounts/login/?next=/": 302,
    "/healthz": 200,
    "/v1/openapi.json": 200,
    "/v1/uploads": 401,
    "/nowhere": 404,
    "/v1/nowhere": 404,
    "/broken": 500,
    "/v1/broken": 500,
    "/data/upload/": 405,
    "/static/dashboard/js/theme.js": 200,
    "/static/dashboard/icons.svg": 200,
    "/static/nothing.js": 404,
}


@pytest.fixture
def over_tls(settings):
    """Production's redirect and HSTS; `https` marks the client's requests."""
    settings.ROOT_URLCONF = __name__
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    return {"secure": True}


@pytest.fixture
def browser(alice, over_tls):
    client = alice.browser()
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("where", ANSWERS)
def test_every_answer_carries_every_header(browser, over_tls, where):
    reply = browser.get(where, **over_tls)
    assert reply.status_code == ANSWERS[where]
    found = {name: reply.get(name) for name in HEADERS}
    # Static files come from WhiteNoise, below the middleware that forbids frames in two ways.
    if where.startswith("/static/") and reply.status_code == 200:
        assert found.pop("X-Frame-Options") is None
        assert found == {name: HEADERS[name] for name in found}
    else:
        assert found == HEADERS
    assert set(reply["Content-Security-Policy"].split("; ")) >= POLICY


@pytest.mark.parametrize("where", [each for each in ANSWERS if "/static/d" not in each])
def test_nothing_but_a_static_file_is_kept_in_any_cache(browser, over_tls, where):
    assert "no-store" in browser.get(where, **over_tls)["Cache-Control"]


def test_a_static_file_may_be_kept_and_is_no_other_sites(browser, over_tls):
    reply = browser.get("/static/dashboard/js/theme.js", **over_tls)
    assert reply["Cache-Control"].startswith("max-age=")
    assert "Access-Control-Allow-Origin" not in reply


def test_a_forged_form_is_refused_with_every_header(alice, over_tls):
    client = Client(enforce_csrf_checks=True)
    reply = client.post("/accounts/login/", {"login": "a"}, **over_tls)
    assert reply.status_code == 403
    assert {name: reply.get(name) for name in HEADERS} == HEADERS
    assert reply["Cache-Control"] == "no-store"


def test_a_page_without_tls_leads_to_the_same_page_with_it(db, over_tls):
    reply = Client().get("/data/")
    assert (reply.status_code, reply["Location"]) == (301, "https://testserver/data/")


def test_the_api_without_tls_is_refused_and_not_led_on(alice, over_tls):
    """A redirect would hide that the key has crossed the network in the clear."""
    reply = Client().get("/v1/uploads", headers=alice.headers)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (403, "https_required")
    assert error["request_id"] == reply["X-Request-Id"]


def test_a_client_cannot_say_that_it_came_over_tls(alice, over_tls):
    said = {**alice.headers, "X-Forwarded-Proto": "https"}
    assert Client().get("/v1/uploads", headers=said).status_code == 403


def test_the_health_check_needs_no_tls(db, over_tls):
    assert Client().get("/healthz").status_code == 200


def test_a_bug_is_answered_without_saying_what_broke(browser, over_tls):
    assert b"a bug" not in browser.get("/broken", **over_tls).content
    assert b"Traceback" not in browser.get("/v1/broken", **over_tls).content
