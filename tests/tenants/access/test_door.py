"""Bodies that are refused unread, and errors that have one form whatever raises them."""

import logging

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from attune.wsgi import application
from tenants.access.parsers import JSONBody
from tenants.access.rates import Rates
from tenants.accounts.tokens import new_token
from tenants.behaviour.models import Upload
from tenants.isolation.scope import _tenant
from tests.doors import ask


def test_a_body_above_the_limit_of_its_address_is_refused_unread(alice):
    headers = {**alice.headers, "Content-Type": "application/json"}
    too_long = {**headers, "Content-Length": str(settings.BODY_LIMIT + 1)}
    reply = ask(application, "/v1/consents", method="POST", headers=too_long)
    assert (reply.status, reply.json()["error"]["code"]) == (413, "body_too_large")
    assert reply.headers["x-request-id"] == reply.json()["error"]["request_id"]


@pytest.mark.parametrize("path", ["/v1/uploads", "/data/upload/"])
def test_files_may_be_longer_but_not_without_end(path):
    at = settings.BODY_LIMITS[path]
    assert settings.UPLOAD_LIMIT_BYTES > at > settings.DIRECT_LIMIT_BYTES
    reply = ask(application, path, method="POST", headers={"Content-Length": str(at + 1)})
    assert reply.status == 413


@pytest.mark.parametrize("path", ["/v1/uploads/upl_x/parts/0", "/data/uploads/upl_x/parts/8/"])
def test_a_part_of_a_file_may_be_as_long_as_a_part(path):
    at = settings.PART_LIMIT_BYTES
    reply = ask(application, path, method="PUT", headers={"Content-Length": str(at + 1)})
    assert reply.status == 413
    below = path.replace("/parts", "")
    reply = ask(application, below, method="PUT", headers={"Content-Length": str(at)})
    assert reply.status == 413


def test_a_body_without_a_stated_length_is_refused(alice):
    headers = {**alice.headers, "Transfer-Encoding": "chunked"}
    reply = ask(application, "/v1/consents", method="POST", headers=headers)
    assert (reply.status, reply.json()["error"]["code"]) == (411, "length_required")


@pytest.mark.parametrize("path", ["/v1/", "/v1/nothing", "/v1/uploads/", "/v1/uploads/upl_x/y"])
def test_an_unknown_address_of_the_api_answers_in_the_one_form(db, path):
    reply = Client().get(path)
    error = reply.json()["error"]
    assert (reply.status_code, error["type"], error["code"]) == (
        404, "not_found_error", "not_found",
    )  # fmt: skip
    assert error["request_id"] == reply["X-Request-Id"]


def test_an_unknown_page_answers_as_a_page(db):
    assert Client().get("/nothing/")["Content-Type"].startswith("text/html")


def test_a_fault_of_ours_answers_in_the_one_form_and_is_logged(alice, monkeypatch, caplog):
    def broken(*args: object) -> None:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr("tenants.behaviour.arriving.upload_api.page_of", broken)
    client = Client(raise_request_exception=False)
    with caplog.at_level(logging.ERROR):
        reply = client.get("/v1/uploads", headers=alice.headers)
    error = reply.json()["error"]
    assert (reply.status_code, error["type"], error["code"]) == (500, "api_error", "internal_error")
    assert "secret detail" not in reply.content.decode()
    assert any("Internal Server Error: /v1/uploads" in line for line in caplog.messages)


def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(alice, monkeypatch):
    def away(*args: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("tenants.behaviour.arriving.upload_api.page_of", away)
    reply = Client().get("/v1/uploads", headers=alice.headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "unavailable")
    assert int(reply["Retry-After"]) >= 5


def test_a_foreign_host_is_refused_in_the_one_form(alice):
    reply = Client().get("/v1/uploads", headers={**alice.headers, "Host": "evil.example"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "bad_request")
    with alice.scope:
        assert not Upload.objects.exists()


def test_a_database_that_goes_at_the_very_end_is_a_503_too(alice, monkeypatch):
    def lost(*args: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("tenants.access.api.APIView.dispatch", lost)
    reply = Client().get("/v1/uploads", headers=alice.headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "unavailable")


def test_without_redis_answers_still_come_and_pages_still_open(alice, settings, monkeypatch):
    gone = "redis://127.0.0.1:1/0"
    cache = {**settings.CACHES["default"], "LOCATION": gone}
    settings.CACHES = {"default": cache}
    monkeypatch.setattr("tenants.access.api.RATES", Rates(gone))
    reply = Client().get("/v1/recommendations?user_id=u1", headers=alice.headers)
    assert reply.status_code == 200
    assert alice.browser().get("/data/").status_code == 200


def test_a_slow_sender_holds_no_transaction(alice, monkeypatch):
    """The body is read before the scope opens, so that nobody waits for a lock of its key."""
    order = []
    parse = JSONBody.parse

    def slow(self, *args, **kwargs):
        order.append(("read", _tenant.get()))
        return parse(self, *args, **kwargs)

    monkeypatch.setattr(JSONBody, "parse", slow)
    body = {"user_id": "u1", "purpose": "analytics", "event": "withdrawn"}
    reply = Client().post(
        "/v1/consents", body, content_type="application/json", headers=alice.headers
    )
    assert reply.status_code == 201
    assert order == [("read", None)]


def test_nobody_without_a_valid_key_has_a_body_read(alice, monkeypatch):
    def read(self, *args, **kwargs):
        raise AssertionError("the body was read")

    monkeypatch.setattr(JSONBody, "parse", read)
    unknown = {"Authorization": f"Bearer {new_token(alice.tenant.id).text}"}
    reply = Client().post("/v1/consents", {}, content_type="application/json", headers=unknown)
    assert reply.status_code == 401


def test_the_door_too_says_code_and_message_where_segments_libraries_look():
    for path, flat in (("/v1/batch", True), ("/v1/events", False)):
        reply = ask(application, path, method="POST", headers={"Transfer-Encoding": "chunked"})
        told = reply.json()
        assert reply.status == 411
        assert (told.get("code") == told["error"]["code"]) is flat
        assert (told.get("message") == told["error"]["message"]) is flat
