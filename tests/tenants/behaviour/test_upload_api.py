"""`/v1/uploads`: a file sent, its report read, every refusal worded."""

import json
from io import BytesIO

import pytest
from django.test import Client

from tenants.accounts.keys import create_key
from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Event, Upload
from tenants.work.run import run_waiting
from tests.tenants.behaviour.uploads import agree, events

FILE = events(("u1", "i1", "01"), ("u2", "i1", "02"))


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    return tmp_path


def send(key: str, kind: str = "events", content: bytes = FILE, **fields: object):
    file = BytesIO(content)
    file.name = "mine.csv"
    headers = {"Authorization": f"Bearer {key}"}
    return Client().post("/v1/uploads", {"kind": kind, "file": file, **fields}, headers=headers)


def read(business, upload_id: str) -> dict[str, object]:
    return Client().get(f"/v1/uploads/{upload_id}", headers=business.headers).json()


def key_with(business, *scopes: str) -> str:
    with business.scope:
        return create_key(name="x", scopes=list(scopes), actor=business.actor)[1]


def test_a_file_is_accepted_processed_and_reported(alice):
    agree(alice, "u1")
    reply = send(alice.key)
    assert reply.status_code == 202
    body = reply.json()
    assert (body["object"], body["kind"], body["name"]) == ("upload", "events", "mine.csv")
    assert (body["status"], body["report"], body["error"]) == ("received", None, None)
    assert body["bytes"] == len(FILE)
    run_waiting("default")
    done = read(alice, body["id"])
    assert (done["status"], done["rows_done"]) == ("done", 2)
    report = done["report"]
    assert (report["received"], report["accepted"], report["quarantined"]) == (2, 1, 1)


def test_the_list_has_the_newest_first_and_leads_on_by_its_link(alice):
    ids = [send(alice.key).json()["id"] for _ in range(3)]
    first = Client().get("/v1/uploads?limit=2", headers=alice.headers)
    page = first.json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    address, *words = first["Link"].split("; ")
    assert words == ['rel="next"', 'results="true"', f'cursor="{ids[1]}"']
    second = Client().get(address.strip("<>"), headers=alice.headers)
    page = second.json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == (ids[:1], False)
    assert "Link" not in second


@pytest.mark.parametrize(
    "query, param",
    [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("after=job_1", "after"),
     ("after=upl_!", "after")],
)  # fmt: skip
def test_a_page_that_cannot_be_is_refused(alice, query, param):
    reply = Client().get(f"/v1/uploads?{query}", headers=alice.headers)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


def test_mapping_and_options_are_passed_on(alice):
    agree(alice, "u1")
    content = b"who;what;when\nu1;i1;2026-03-01 10:00\n"
    body = send(
        alice.key,
        content=content,
        mapping=json.dumps({"user_id": "who", "item_id": "what", "occurred_at": "when"}),
        options=json.dumps({"default_type": "purchase", "timezone": "Europe/Paris"}),
    ).json()
    run_waiting("default")
    assert read(alice, body["id"])["report"]["accepted"] == 1
    with alice.scope:
        event = Event.objects.get()
    assert (event.type, event.occurred_at.isoformat()) == (4, "2026-03-01T09:00:00+00:00")


WRONG = [
    ({"kind": "photos"}, "kind", "invalid_value"),
    ({"content": b""}, "file", "empty_file"),
    ({"mapping": "no json"}, "mapping", "invalid_value"),
    ({"mapping": "[]"}, "mapping", "invalid_value"),
    ({"mapping": '{"user_id": 5}'}, "mapping", "invalid_value"),
    ({"mapping": '{"user_id": "a\\u0000"}'}, "mapping", "invalid_value"),
    ({"mapping": '{"user_id": "\\ud800"}'}, "mapping", "invalid_value"),
    ({"mapping": "[" * 100_000}, "mapping", "invalid_value"),
    ({"options": '{"shift_weeks": NaN}'}, "options", "invalid_value"),
    ({"options": '{"colour": "red"}'}, "colour", "bad_option"),
    ({"options": '{"timezone": "Mars"}'}, "timezone", "bad_option"),
    ({"options": '{"cancellation_prefix": "\\u0000"}'}, "options", "invalid_value"),
]


@pytest.mark.parametrize("wrong, param, code", WRONG, ids=[str(w)[:40] for w, _, _ in WRONG])
def test_a_faulty_request_is_refused_by_name_and_keeps_nothing(alice, folder, wrong, param, code):
    reply = send(alice.key, **wrong)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["param"], error["code"]) == (param, code)
    with alice.scope:
        assert not Upload.objects.exists()
        assert AuditEntry.objects.count() == 3
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_refused_file_is_told_in_a_sentence(alice):
    body = send(alice.key, content=b"name,colour\nlamp,red\n").json()
    run_waiting("default")
    failed = read(alice, body["id"])
    assert (failed["status"], failed["report"]) == ("failed", None)
    assert failed["error"]["code"] == "missing_columns"
    assert failed["error"]["message"].startswith("No column was found for: ")


@pytest.mark.parametrize("code", ["crashed", "file_gone", "file_altered"])
def test_what_went_wrong_on_our_side_is_told_too(alice, code):
    body = send(alice.key).json()
    with alice.scope:
        Upload.objects.update(state="failed", error={"code": code, "params": {}})
    assert read(alice, body["id"])["error"]["message"].endswith(".")


def test_a_key_that_may_send_events_cannot_grant_consent(alice, folder):
    key = key_with(alice, "events:write")
    assert send(key, "events").status_code == 202
    assert send(key, "items", b"item_id\ni1\n").status_code == 202
    with alice.scope:
        before = Upload.objects.count()
    reply = send(key, "consents")
    assert reply.status_code == 403
    assert "consents:write" in reply.json()["error"]["message"]
    with alice.scope:
        assert Upload.objects.count() == before
        entry = AuditEntry.objects.order_by("-seq").first()
        assert (entry.action, entry.outcome) == ("access.denied", "denied")
        assert entry.detail.get().details == {"right": "consents:write", "method": "POST"}
    assert send(key_with(alice, "events:write", "consents:write"), "consents").status_code == 202


def test_a_file_above_the_limit_is_refused(alice, settings, folder):
    settings.UPLOAD_LIMIT_BYTES = 10
    reply = send(alice.key)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "file_too_large")
    assert [path for path in folder.rglob("*") if path.is_file()] == []
