"""Uploads in parts as orders: who may begin one, what is counted, how it ends without a file."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from tenants.accounts.keys import create_key
from tenants.accounts.models import Tenant
from tenants.behaviour.arriving import parts
from tenants.behaviour.arriving.sweeping import sweep
from tenants.behaviour.models import Upload
from tenants.isolation.vault import PIECE
from tests.tenants.behaviour.in_parts import FILE, asked, begun, code, complete, put, told


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    return tmp_path


def test_another_tenant_reaches_no_part(alice, bob):
    upload = begun(alice)
    assert put(alice, upload, 0, FILE[:PIECE]).status_code == 200
    for reply in (
        put(bob, upload, PIECE, FILE[PIECE : 2 * PIECE]),
        complete(bob, upload),
        asked(bob, "post", f"/v1/uploads/{upload}/cancel", {}),
        asked(bob, "get", f"/v1/uploads/{upload}"),
    ):
        assert code(reply) == (404, "not_found")
    assert asked(alice, "get", f"/v1/uploads/{upload}").json()["bytes_received"] == PIECE


def test_a_key_that_may_send_events_cannot_bring_consents_in_parts(alice, folder):
    with alice.scope:
        key = create_key(name="x", scopes=["events:write"], actor=alice.actor)[1]
    body = {"kind": "consents", "name": "c.csv", "bytes": 9}
    assert code(asked(alice, "post", "/v1/uploads", body, key)) == (403, "scope_missing")
    upload = begun(alice, 9, "consents")
    assert code(put(alice, upload, 0, b"x" * 9, key)) == (403, "scope_missing")
    assert put(alice, upload, 0, b"x" * 9).status_code == 200
    assert code(complete(alice, upload, key=key)) == (403, "scope_missing")
    with alice.scope:
        assert Upload.objects.get().state == Upload.RECEIVING


ORDERS = [
    ({"kind": "photos"}, "kind", "invalid_value"),
    ({"bytes": 0}, "bytes", "invalid_value"),
    ({"bytes": 11 << 30}, "bytes", "file_too_large"),
    ({"bytes": "many"}, "bytes", "invalid_value"),
    ({"name": ""}, "name", "invalid_value"),
    ({"mapping": []}, "mapping", "invalid_value"),
    ({"mapping": {"user_id": 5}}, "mapping", "invalid_value"),
    ({"options": {"cancellation_prefix": "\x00"}}, "options", "invalid_value"),
    ({"options": {"colour": "red"}}, "colour", "bad_option"),
]


@pytest.mark.parametrize("wrong, param, expected", ORDERS, ids=[str(w)[:40] for w, _, _ in ORDERS])
def test_an_order_that_cannot_be_is_refused_by_name(alice, wrong, param, expected):
    body = {"kind": "events", "name": "x", "bytes": 9, **wrong}
    reply = asked(alice, "post", "/v1/uploads", body)
    assert reply.status_code == 400
    assert (reply.json()["error"]["param"], reply.json()["error"]["code"]) == (param, expected)
    with alice.scope:
        assert not Upload.objects.exists()


@pytest.mark.parametrize("body", [[], "text", 5, None, [{"kind": "events"}]])
def test_a_body_that_is_no_order_is_refused(alice, body):
    reply = Client().post(
        "/v1/uploads", body, content_type="application/json", headers=alice.headers
    )
    assert reply.status_code == 400


def test_what_is_still_to_come_is_counted_as_if_it_were_here(alice):
    with alice.scope:
        Tenant.objects.update(granted={"storage_bytes": 5 << 20})
    begun(alice, 3 << 20)
    body = {"kind": "events", "name": "x", "bytes": 3 << 20}
    assert code(asked(alice, "post", "/v1/uploads", body)) == (400, "storage_full")
    body["bytes"] = 1 << 20
    assert asked(alice, "post", "/v1/uploads", body).status_code == 201


def test_an_upload_given_up_leaves_no_file(alice, folder, django_capture_on_commit_callbacks):
    upload = begun(alice)
    put(alice, upload, 0, FILE[:PIECE])
    with django_capture_on_commit_callbacks(execute=True):
        reply = asked(alice, "post", f"/v1/uploads/{upload}/cancel", {})
    assert (reply.status_code, reply.json()["status"]) == (200, "failed")
    assert reply.json()["error"]["code"] == "upload_cancelled"
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert told(alice, "upload.given_up") == [{"kind": "events", "bytes": PIECE}]
    again = asked(alice, "post", f"/v1/uploads/{upload}/cancel", {})
    assert code(again) == (409, "not_receiving")


def test_an_upload_of_which_nothing_comes_for_a_day_is_given_up(
    alice, folder, monkeypatch, django_capture_on_commit_callbacks
):
    quiet, alive = begun(alice), begun(alice)
    with alice.scope:
        Upload.objects.update(created_at=now() - timedelta(hours=25))
    put(alice, alive, 0, FILE[:PIECE])
    monkeypatch.setattr("tenants.behaviour.arriving.sweeping.YOUNGEST_SECONDS", -1)
    assert sweep(alice.tenant.id) == 0, "it is still arriving"
    with django_capture_on_commit_callbacks(execute=True):
        parts.expire(alice.tenant.id)
    states = {one: asked(alice, "get", f"/v1/uploads/{one}").json() for one in (quiet, alive)}
    assert [states[one]["status"] for one in (quiet, alive)] == ["failed", "receiving"]
    assert states[quiet]["error"]["code"] == "upload_expired"
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1
