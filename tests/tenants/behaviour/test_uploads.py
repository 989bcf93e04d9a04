"""What becomes of a file, from the door to its report: through the service and the worker."""

import json

from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Event, Item, QuarantinedRow, Upload
from tenants.subjects.models import Subject
from tests.tenants.behaviour.uploads import (
    adds_up,
    agree,
    events,
    outcomes,
    process,
    stored,
    told,
)


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
