"""The file of an upload: refused with a reason, sealed while it waits, gone once it was read."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.behaviour.arriving import vault
from tenants.behaviour.arriving.sweeping import sweep
from tenants.behaviour.models import Event, Item, Upload
from tenants.errors import AppError
from tenants.subjects.directory import find
from tenants.subjects.models import Subject
from tenants.work.models import WorkItem
from tenants.work.run import run_waiting
from tests.tenants.behaviour.uploads import (
    accept,
    agree,
    events,
    fresh,
    process,
)


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    return tmp_path


REFUSED = [
    (b"%PDF-1.7 nothing of a table", "unsupported_file"),
    (b"name,colour\nlamp,red\n", "missing_columns"),
    (b"user_id,item_id,type,occurred_at\n", "no_rows"),
    (b"PAR1 and then nothing", "truncated_parquet"),
]


@pytest.mark.parametrize("content, code", REFUSED)
def test_a_refused_file_says_why_and_leaves_no_row(alice, folder, content, code):
    upload = process(alice, content)
    assert (upload.state, upload.error["code"]) == ("failed", code)
    with alice.scope:
        assert not Event.objects.exists() and not Item.objects.exists()
        assert not Subject.objects.exists()
        (entry,) = AuditEntry.objects.filter(action="upload.failed")
        assert entry.detail.get().details == {"kind": "events", "code": code}
    assert (entry.outcome, entry.reason) == ("failure", code)
    item = WorkItem.objects.get(object_id=upload.id)
    assert (item.state, item.code) == ("failed", code)
    assert not vault.path_of(alice.tenant.id, upload.id).exists()


def test_a_refused_file_does_not_hold_up_the_next(alice):
    agree(alice, "u1")
    accept(alice, REFUSED[0][0])
    assert process(alice, events(("u1", "i1", "01"))).state == "done"


def test_a_file_is_encrypted_while_it_waits_and_destroyed_when_it_is_processed(alice, folder):
    secret = "person-4711@example.com"
    upload = accept(alice, events((secret, "i1", "01")))
    path = vault.path_of(alice.tenant.id, upload.id)
    assert secret.encode() not in path.read_bytes()
    assert path.stat().st_size > 0
    run_waiting("default")
    assert list(folder.rglob("*")) == [path.parent]


def test_a_file_that_is_gone_or_altered_is_refused(alice):
    gone, altered = (accept(alice, events(("u1", "i1", "01"))) for _ in range(2))
    vault.path_of(alice.tenant.id, gone.id).unlink()
    path = vault.path_of(alice.tenant.id, altered.id)
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    for _ in range(3):
        WorkItem.objects.filter(state="waiting").update(run_at=now() - timedelta(hours=1))
        run_waiting("default")
    assert fresh(alice, gone).error["code"] == "file_gone"
    assert fresh(alice, altered).error["code"] == "file_altered"


def test_an_upload_that_is_not_accepted_keeps_no_file(alice, folder):
    for wrong, code in (
        ({"content": b""}, "empty_file"),
        ({"content": b"x", "kind": "photos"}, "unknown_kind"),
        ({"content": b"x", "options": {"timezone": "Mars"}}, "bad_option"),
    ):
        with pytest.raises(AppError) as refused:
            accept(alice, **wrong)
        assert refused.value.code == code
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    with alice.scope:
        assert not Upload.objects.exists()
        assert AuditEntry.objects.count() == 3
    assert not WorkItem.objects.filter(kind="upload").exists()


def test_what_a_killed_process_left_behind_is_swept(alice, bob, folder, monkeypatch):
    waiting = accept(alice, events(("u1", "i1", "01")))
    left = waiting.id.__class__(int=waiting.id.int ^ 1)
    vault.store(alice.tenant.id, left, [b"x"])
    foreign = accept(bob, events(("u1", "i1", "01")))
    assert sweep(alice.tenant.id) == 0, "it may be on its way to its row"
    monkeypatch.setattr("tenants.behaviour.arriving.sweeping.YOUNGEST_SECONDS", -1)
    assert sweep(alice.tenant.id) == 1
    assert not vault.path_of(alice.tenant.id, left).exists()
    assert vault.path_of(alice.tenant.id, waiting.id).exists()
    assert vault.path_of(bob.tenant.id, foreign.id).exists()
    with alice.scope:
        assert find("u1") is None
