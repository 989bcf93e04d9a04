"""The log by API: entries, checkpoints, exports."""

import io
import itertools
import json
import time
import zipfile
from types import SimpleNamespace

from tenants import ids
from tenants.access.rights import RIGHTS_OF, Right
from tenants.accounts.models import Role
from tenants.audit.checkpoints import make_checkpoint
from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditEntry
from tenants.audit.record import record
from tenants.subjects.directory import audit_ref, resolve
from tenants.work.run import run_waiting
from tests.access_table import API, PAGES
from tests.tenants.evidence.evidence import faults


def get(client, business, path: str):
    return client.get(path, headers=business.headers)


def test_entries_are_listed_newest_first_and_filtered(client, alice, bob):
    with alice.scope:
        subject = resolve(["user-17"])["user-17"]
        record(AuditEvent.SUBJECT_VIEWED, actor=alice.actor, subject_ref=audit_ref(subject))
        record(AuditEvent.LOG_VERIFIED, actor=alice.actor, details={"ok": True})
    reply = get(client, alice, "/v1/audit/entries?limit=2").json()
    assert [one["action"] for one in reply["data"]] == ["log.verified", "subject.viewed"]
    assert reply["has_more"] and reply["data"][0]["details"] == {"ok": True}
    after = reply["data"][1]["id"]
    older = get(client, alice, f"/v1/audit/entries?after={after}").json()
    assert [one["seq"] for one in older["data"]] == [3, 2, 1]
    for query, found in {
        "action=log.verified": ["log.verified"],
        "user_id=user-17": ["subject.viewed"],
        "outcome=denied": [],
        f"actor={alice.member}": ["log.verified", "subject.viewed"],
    }.items():
        reply = get(client, alice, f"/v1/audit/entries?{query}").json()
        assert [one["action"] for one in reply["data"]] == found, query
    with alice.scope:  # asking for a person is a look at them
        look = AuditEntry.objects.latest("seq")
        assert (look.action, look.subject_ref) == ("subject.viewed", audit_ref(subject))
        assert AuditEntry.objects.filter(action="subject.viewed").count() == 2
    assert len(get(client, bob, "/v1/audit/entries").json()["data"]) == 3
    assert get(client, alice, "/v1/audit/entries?user_id=nobody").json()["error"]["code"] == (
        "unknown_person"
    )


def test_entries_are_listed_by_their_place_in_the_log_whatever_the_clock_said(
    client, alice, monkeypatch
):
    """Two entries of one millisecond, or a clock that was set back: ids tell no order then."""
    backwards = itertools.count(time.time_ns(), -1_000_000)
    with alice.scope, monkeypatch.context() as patch:
        patch.setattr(ids, "time", SimpleNamespace(time_ns=lambda: next(backwards)))
        for _ in range(4):
            record(AuditEvent.LOG_VERIFIED, actor=alice.actor, details={"ok": True})
    path, found = "/v1/audit/entries?action=log.verified&limit=2", []
    for _ in range(2):
        page = get(client, alice, path)
        found += [one["seq"] for one in page.json()["data"]]
        path = page.headers.get("Link", "<>").partition(">")[0].removeprefix("<")
    assert found == [7, 6, 5, 4]
    assert not page.json()["has_more"]


def test_an_export_is_ordered_followed_and_downloaded(client, alice, bob):
    with alice.scope:
        make_checkpoint(at_once=True)
    body = json.dumps({"action": "key.created"})
    made = client.post("/v1/audit/exports", body, content_type="application/json",
                       headers=alice.headers)  # fmt: skip
    assert (made.status_code, made.json()["state"]) == (202, "waiting")
    path = f"/v1/audit/exports/{made.json()['id']}"
    early = get(client, alice, f"{path}/content")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "export_not_ready")
    run_waiting("default")
    shown = get(client, alice, path).json()
    assert (shown["state"], shown["filters"]) == ("done", {"action": "key.created"})
    reply = get(client, alice, f"{path}/content")
    content = b"".join(reply.streaming_content)
    assert len(content) == int(reply["Content-Length"]) == shown["bytes"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    held = get(client, alice, "/v1/audit/checkpoints").json()["data"][0]
    assert faults(alice, files, json.dumps(held).encode()) == []
    assert get(client, bob, path).status_code == 404
    assert get(client, bob, f"{path}/content").status_code == 404


def test_an_auditor_sees_the_log_and_its_exports_and_nothing_else():
    assert RIGHTS_OF[Role.AUDITOR] == {Right.READ_AUDIT}
    pages = {route for route, methods in PAGES.items() if Right.READ_AUDIT in methods.values()}
    assert pages == {
        "audit/", "audit/verify/", "exports/", "exports/make/", "exports/checkpoint/",
        "exports/<str:evidence_id>/",
    }  # fmt: skip
    routes = {route for route, methods in API.items() if Right.READ_AUDIT in methods.values()}
    assert all(route.startswith("v1/audit/") for route in routes) and len(routes) == 5
