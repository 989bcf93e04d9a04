"""What becomes of a file, from the door to its report: through the service and the worker."""

import functools
import json
from datetime import timedelta

import pytest
from django.utils.timezone import now

from tenants.accounts.life import resume_tenant, suspend_tenant
from tenants.audit.actor import system
from tenants.audit.models import AuditEntry
from tenants.behaviour.arriving import vault
from tenants.behaviour.arriving.sweeping import sweep
from tenants.behaviour.models import Event, Item, QuarantinedRow, Upload
from tenants.behaviour.processing import ingest, working
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.reading.tables import Limits
from tenants.consent.models import ConsentRecord, ConsentState
from tenants.errors import AppError
from tenants.subjects.directory import external_id_of, find
from tenants.subjects.models import Subject
from tenants.work import queue
from tenants.work.models import WorkItem
from tenants.work.queue import LeaseLost
from tenants.work.run import run_one, run_waiting
from tests.tenants.behaviour.behaviour_files import parquet_file
from tests.tenants.behaviour.uploads import (
    accept,
    adds_up,
    agree,
    events,
    fresh,
    lose_the_worker,
    outcomes,
    process,
)
from tests.tenants.consent.acts import archive

MANY = parquet_file(
    {
        "user_id": [f"u{n % 7}" for n in range(25)],
        "item_id": [f"i{n % 5}" for n in range(25)],
        "type": ["view"] * 25,
        "occurred_at": [f"2026-03-{1 + n:02d}T10:00:00Z" for n in range(25)],
    }
)
USERS = [f"u{n}" for n in range(7)]


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def small_batches(monkeypatch):
    """Ten rows at a time."""
    small = functools.partial(open_table, limits=Limits(batch_rows=10))
    monkeypatch.setattr(working, "open_table", small)


class Killed(BaseException):
    """Ends a worker as SIGKILL would: nothing catches it."""


def stored(business) -> list[tuple[str, str, str]]:
    """The tenant's events as (user, item, day), in order of time."""
    with business.scope:
        return [
            (external_id_of(e.subject), e.item.external_id, e.occurred_at.strftime("%d"))
            for e in Event.objects.select_related("subject", "item").order_by("occurred_at")
        ]


def told(business, upload: Upload) -> list[tuple[str, dict[str, object]]]:
    with business.scope:
        entries = AuditEntry.objects.filter(object_id=upload.public_id).order_by("seq")
        return [(entry.action, entry.detail.get().details) for entry in entries]


def test_events_of_people_who_agreed_are_stored(alice):
    agree(alice, "u1", "u2")
    upload = process(alice, events(("u1", "i1", "01"), ("u2", "i1", "02"), ("u1", "i2", "03")))
    assert (upload.state, upload.rows, upload.rows_done) == ("done", 3, 3)
    assert stored(alice) == [("u1", "i1", "01"), ("u2", "i1", "02"), ("u1", "i2", "03")]
    report = upload.report
    assert (report["accepted"], report["items_created"], report["subjects_seen"]) == (3, 2, 2)
    assert adds_up(upload)


def test_every_row_has_its_outcome_and_the_counts_add_up(alice):
    """Acceptance statements 12 and 13: each with a code, none with a value."""
    agree(alice, "u1")
    content = events(
        ("u1", "i1", "01"), ("u1", "i1", "01"), ("u2", "i1", "02"), ("", "i1", "03"),
        ("u1", "", "04"), ("u1", "i1", "99"), ("u2", "i1", "05"),
    )  # fmt: skip
    upload = process(alice, content)
    assert outcomes(upload) == {
        ("duplicate", "duplicate"): (1, [2]),
        ("rejected", "missing_user"): (1, [4]),
        ("rejected", "missing_item"): (1, [5]),
        ("rejected", "bad_time"): (1, [6]),
        ("quarantined", "no_record"): (2, [3, 7]),
    }
    assert (upload.report["accepted"], adds_up(upload)) == (1, True)
    assert "u2" not in json.dumps(upload.report)


def test_the_log_tells_of_an_upload_in_counts_alone(alice):
    agree(alice, "u1")
    upload = process(alice, events(("u1", "i1", "01"), ("u2", "i1", "02")))
    counts = {"received": 2, "accepted": 1, "duplicate": 0, "quarantined": 1, "rejected": 0}
    assert told(alice, upload) == [
        ("upload.accepted",
         {"kind": "events", "bytes": upload.bytes, "sha256": bytes(upload.sha256).hex()}),
        ("quarantine.held", {"counts": {"no_record": 1}}),
        ("upload.finished", {"kind": "events", "counts": counts}),
    ]  # fmt: skip


def test_the_same_file_twice_counts_once_and_names_the_rows(alice):
    agree(alice, "u1")
    rows = [("u1", "i1", "01"), ("u1", "i2", "02"), ("u9", "i1", "03")]
    process(alice, events(*rows))
    again = process(alice, events(("u1", "i9", "09"), *rows))
    assert outcomes(again) == {("duplicate", "already_stored"): (3, [2, 3, 4])}
    assert (again.report["accepted"], adds_up(again)) == (1, True)
    assert len(stored(alice)) == 3
    with alice.scope:
        assert QuarantinedRow.objects.count() == 1


def test_another_tenant_is_not_touched(alice, bob):
    agree(alice, "u1")
    process(alice, events(("u1", "i1", "01")))
    with bob.scope:
        assert not Event.objects.exists()
        assert not Item.objects.exists()
        assert not Subject.objects.exists()
        assert AuditEntry.objects.count() == 3
    agree(bob, "u1")
    process(bob, events(("u1", "i1", "01")))
    assert stored(alice) == stored(bob) == [("u1", "i1", "01")]
    with alice.scope:
        ours = Event.objects.get().dedup
    with bob.scope:
        assert Event.objects.get().dedup != ours


def test_a_catalogue_makes_and_replaces_items(alice):
    first = b"item_id,title,price,available\ni1,Red lamp,10,yes\ni2,Blue cup,5,no\n"
    upload = process(alice, first, Upload.ITEMS)
    assert (upload.report["accepted"], upload.report["items_created"]) == (2, 2)
    upload = process(alice, b"item_id,title,price\ni1,Red lamp II,12\n", Upload.ITEMS)
    assert upload.report["items_created"] == 0
    with alice.scope:
        rows = Item.objects.order_by("external_id").values_list(
            "external_id", "title", "price", "available"
        )
        assert list(rows) == [("i1", "Red lamp II", 12.0, True), ("i2", "Blue cup", 5.0, False)]


def test_events_add_to_an_item_and_overwrite_no_title(alice):
    agree(alice, "u1")
    process(alice, b"item_id,title\ni1,Red lamp\n", Upload.ITEMS)
    content = b"user_id,item_id,type,occurred_at,item_title\nu1,i1,view,2026-03-01T10:00:00Z,LAMP\n"
    process(alice, content)
    with alice.scope:
        assert Item.objects.get().title == "Red lamp"


CONSENTS_HEAD = (
    "user_id,purpose,event,event_time,lawful_basis,notice_id,notice_version,notice_lang,"
    "collection_method,jurisdiction,age_band,record_id,guardian_record_id"
)


def consent_line(user, event="given", day="01", purpose="service", notice="privacy", **more):
    named = ("consent", notice, "1", "en", "web_form", "GB") if event == "given" else ("",) * 6
    tail = (more.get("age", ""), more.get("record", ""), more.get("guardian", ""))
    return ",".join((user, purpose, event, f"2026-02-{day}T10:00:00Z", *named, *tail))


def consents(*lines: str) -> bytes:
    return "\n".join((CONSENTS_HEAD, *lines, "")).encode()


def states(business) -> dict[str, str]:
    with business.scope:
        return {
            external_id_of(state.subject): state.code or state.state
            for state in ConsentState.objects.select_related("subject")
        }


def test_a_file_of_consents_lands_in_the_ledger(alice):
    archive(alice)
    upload = process(
        alice,
        consents(
            consent_line("u1"),
            consent_line("u2"),
            consent_line("u2", "withdrawn", "02"),
            consent_line("u3", notice="nothing"),
            consent_line("u4", purpose="marketing"),
            consent_line("u5", event="agreed"),
        ),
        Upload.CONSENTS,
    )
    assert outcomes(upload) == {
        ("rejected", "unknown_event"): (1, [6]),
        ("rejected", "notice_unknown"): (1, [4]),
        ("rejected", "purpose_not_in_notice"): (1, [5]),
    }
    assert (upload.report["accepted"], adds_up(upload)) == (3, True)
    assert states(alice) == {"u1": "given", "u2": "withdrawn"}
    actions = [action for action, _ in told(alice, upload)]
    assert actions == ["upload.accepted", "consent.uploaded", "upload.finished"]
    with alice.scope:
        record = ConsentRecord.objects.get(row_no=3)
        details = dict(told(alice, upload))["consent.uploaded"]
    assert (record.upload_id, record.event) == (upload.id, "withdrawn")
    assert details["counts"]["accepted"] == 3
    assert [len(root) for root in details["roots"]] == [64]


def test_the_same_consents_twice_count_once(alice):
    archive(alice)
    content = consents(consent_line("u1", record="A"), consent_line("u2"))
    process(alice, content, Upload.CONSENTS)
    again = process(alice, content, Upload.CONSENTS)
    assert outcomes(again) == {("duplicate", "already_stored"): (2, [1, 2])}
    with alice.scope:
        assert ConsentRecord.objects.count() == 2


def test_an_id_that_a_file_gives_twice_swallows_no_withdrawal(alice):
    """Many systems number the person's choice, not the act."""
    archive(alice)
    content = consents(
        consent_line("u1", record="A"), consent_line("u1", "withdrawn", "02", record="A")
    )
    upload = process(alice, content, Upload.CONSENTS)
    assert upload.report["accepted"] == 2
    assert states(alice) == {"u1": "withdrawn"}
    again = process(alice, content, Upload.CONSENTS)
    assert outcomes(again) == {("duplicate", "already_stored"): (2, [1, 2])}


def test_a_child_is_guarded_by_a_record_that_is_stored(alice):
    """Acceptance statement 10: a guardian's id that leads nowhere guards nobody."""
    archive(alice)
    process(alice, consents(consent_line("parent", record="G")), Upload.CONSENTS)
    upload = process(
        alice,
        consents(
            consent_line("child", age="under_13", guardian="G"),
            consent_line("other", age="under_13", guardian="H"),
            consent_line("third", age="toddler"),
        ),
        Upload.CONSENTS,
    )
    assert outcomes(upload) == {("rejected", "unknown_age_band"): (1, [3])}
    assert states(alice) == {
        "parent": "given",
        "child": "given",
        "other": "minor_no_guardian",
    }
    held = process(alice, events(("other", "i1", "01"), ("child", "i1", "01")))
    assert outcomes(held) == {("quarantined", "minor_no_guardian"): (1, [1])}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("rows", [1, 100])
def test_s10_a_guardian_may_stand_behind_the_child_in_one_file(alice, monkeypatch, backwards, rows):
    """Acceptance statement 10: what is known counts, not its order; also in another batch, and
    where one name stands for the choice of all purposes.
    """
    small = functools.partial(open_table, limits=Limits(batch_rows=rows))
    monkeypatch.setattr(working, "open_table", small)
    archive(alice)
    both = ("service", "model_training")
    lines = [
        *(consent_line("parent", purpose=purpose, record="G") for purpose in both),
        consent_line("gone", record="W"),
        consent_line("gone", "withdrawn", "01", record="W"),
        *(consent_line(f"child-{n}", day="02", purpose=purpose, age="under_13", guardian="G")
          for n, purpose in enumerate(both)),
        consent_line("other", day="02", age="under_13", guardian="W"),
    ]  # fmt: skip
    process(alice, consents(*(lines[::-1] if backwards else lines)), Upload.CONSENTS)
    assert states(alice) == {
        "parent": "given",
        "gone": "withdrawn",
        "child-0": "given",
        "child-1": "given",
        "other": "minor_no_guardian",
    }


def test_a_child_is_guarded_by_a_record_that_its_file_repeats(alice):
    archive(alice)
    parent = consent_line("parent", record="G")
    process(alice, consents(parent), Upload.CONSENTS)
    child = consent_line("child", day="03", age="under_13", guardian="G")
    again = process(alice, consents(parent, child), Upload.CONSENTS)
    assert outcomes(again) == {("duplicate", "already_stored"): (1, [1])}
    assert states(alice) == {"parent": "given", "child": "given"}


def test_consents_are_processed_before_events_that_came_later(alice):
    archive(alice)
    accept(alice, consents(consent_line("u1")), Upload.CONSENTS)
    upload = accept(alice, events(("u1", "i1", "01")))
    WorkItem.objects.filter(object_id=upload.id).update(run_at=now() - timedelta(hours=1))
    events_first = queue.claim("default")
    assert events_first and events_first.object_id == upload.id and run_one(events_first)
    assert fresh(alice, upload).state == Upload.RECEIVED
    run_waiting("default")
    assert fresh(alice, upload).state == Upload.DONE
    assert stored(alice) == [("u1", "i1", "01")]


def test_a_worker_killed_between_batches_is_resumed_and_counts_nothing_twice(
    alice, small_batches, monkeypatch
):
    agree(alice, *USERS)
    upload = accept(alice, MANY)
    land, calls = ingest._land, []

    def dies_at_the_second(lease, upload, kind, plan, number, cleaned):
        calls.append(number)
        if number == 1:
            raise Killed
        land(lease, upload, kind, plan, number, cleaned)

    monkeypatch.setattr(ingest, "_land", dies_at_the_second)
    with pytest.raises(Killed):
        run_waiting("default")
    assert (fresh(alice, upload).state, fresh(alice, upload).rows_done) == ("running", 10)
    assert len(stored(alice)) == 10
    monkeypatch.setattr(ingest, "_land", lambda *a: (calls.append(a[4]), land(*a)))
    lose_the_worker()
    queue.reap()
    run_waiting("default")
    done = fresh(alice, upload)
    assert calls == [0, 1, 1, 2]
    assert (done.state, done.report["accepted"], done.report["subjects_seen"]) == ("done", 25, 7)
    assert (done.report["items_created"], adds_up(done)) == (5, True)
    assert len(stored(alice)) == 25
    assert outcomes(done) == {}


def test_a_worker_killed_inside_a_batch_leaves_nothing_of_it(alice, small_batches, monkeypatch):
    agree(alice, *USERS)
    upload = accept(alice, MANY)
    save = Upload.save

    def dies(self, *args, **kwargs):
        if "report" in (kwargs.get("update_fields") or ()):
            raise Killed
        save(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Upload, "save", dies)
        with pytest.raises(Killed):
            run_waiting("default")
    assert stored(alice) == []
    lose_the_worker()
    queue.reap()
    run_waiting("default")
    assert fresh(alice, upload).report["accepted"] == 25
    assert len(stored(alice)) == 25


def test_a_suspended_tenants_upload_stops_between_batches_and_goes_on_later(
    alice, small_batches, monkeypatch
):
    agree(alice, *USERS)
    upload = accept(alice, MANY)
    operator, land, landed = system("operator"), ingest._land, []

    def suspends(lease, upload, kind, plan, number, cleaned):
        land(lease, upload, kind, plan, number, cleaned)
        landed.append(number)
        if len(landed) == 1:
            suspend_tenant(tenant_id=alice.tenant.id, reason="Unpaid.", actor=operator)

    monkeypatch.setattr(ingest, "_land", suspends)
    run_waiting("default")
    assert (fresh(alice, upload).state, fresh(alice, upload).rows_done) == ("running", 10)
    assert len(stored(alice)) == 10
    item = WorkItem.objects.get(object_id=upload.id)
    assert (item.state, item.attempts, item.run_at > now()) == (WorkItem.WAITING, 0, True)
    resume_tenant(tenant_id=alice.tenant.id, actor=operator)
    WorkItem.objects.filter(pk=item.pk).update(run_at=item.created_at)
    run_waiting("default")
    done = fresh(alice, upload)
    assert landed == [0, 1, 2]
    assert (done.state, done.report["accepted"], adds_up(done)) == ("done", 25, True)
    assert len(stored(alice)) == 25


def test_a_worker_that_lost_its_lease_stores_nothing(alice, monkeypatch):
    agree(alice, "u1")
    upload = accept(alice, events(("u1", "i1", "01")))
    opened = vault.opened

    def robbed(*args):
        WorkItem.objects.filter(object_id=upload.id).update(lease_token=99)
        return opened(*args)

    monkeypatch.setattr(vault, "opened", robbed)
    lease = queue.claim("default")
    while lease.object_id != upload.id:
        queue.finish(lease)
        lease = queue.claim("default")
    with pytest.raises(LeaseLost):
        ingest.run(lease)
    assert stored(alice) == []
    assert fresh(alice, upload).report == {}


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


def test_processing_that_keeps_dying_ends_with_a_reason(alice):
    upload = accept(alice, events(("u1", "i1", "01")))
    WorkItem.objects.filter(object_id=upload.id).update(attempts=working.ATTEMPTS)
    run_waiting("default")
    assert fresh(alice, upload).error == {"code": "crashed", "params": {}}


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
