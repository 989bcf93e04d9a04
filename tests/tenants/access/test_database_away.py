"""Where the database is away a page says so, and when to try again; it is no fault of ours."""

from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from django.test import Client

from tests.platform.dashboard.test_pages import text_of


def lost(*_):
    raise OperationalError("server closed the connection unexpectedly")


def test_a_page_without_a_database_is_not_available_and_says_when_to_try_again(alice, monkeypatch):
    browser = alice.browser()
    browser.raise_request_exception = False
    with monkeypatch.context() as away:
        away.setattr(CursorWrapper, "execute", lost)
        reply = browser.get("/data/")
    assert reply.status_code == 503 and int(reply["Retry-After"]) >= 5
    assert "Attune cannot answer at the moment" in text_of(reply)


def test_any_other_fault_stays_one(alice, monkeypatch):
    browser = alice.browser()
    browser.raise_request_exception = False
    monkeypatch.setattr("dashboard.pages.schema.render", lambda *_: 1 / 0)
    assert browser.get("/data/schema/").status_code == 500


def test_the_address_of_a_program_answers_in_its_own_form(alice, monkeypatch):
    headers = alice.headers
    with monkeypatch.context() as away:
        away.setattr(CursorWrapper, "execute", lost)
        reply = Client(raise_request_exception=False).get("/v1/usage", headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "unavailable")
