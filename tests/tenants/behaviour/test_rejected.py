"""Rejected rows to download with reasons, repaired and sent again; an erasure destroys them."""

import csv
import io
from datetime import timedelta

from django.test import Client
from django.utils.timezone import now
from django.utils.translation import override

from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Event, RejectedRows, Upload
from tenants.behaviour.processing import rejected
from tenants.behaviour.processing.rejected import rejected_file
from tenants.erasure.services import begin_erasure
from tenants.subjects.directory import resolve
from tests.tenants.behaviour.uploads import EVENTS_HEAD, agree, events, outcomes, process

BAD = f"""{EVENTS_HEAD},quantity,Farbe
u1,i1,view,2026-03-01T10:00:00Z,,rot
u1,,view,2026-03-02T10:00:00Z,,blau
-u2,i2,purchase,31.31.2026,"=1+1",grün
u1,i3,veiw,2026-03-04T10:00:00Z,,"a, ""b"" 'c'"
u1,i1,view,2026-03-01T10:00:00Z,,rot
"""


def fetched(business, upload: Upload, status: int = 200) -> list[list[str]]:
    reply = Client().get(f"/v1/uploads/{upload.public_id}/rejected", headers=business.headers)
    assert reply.status_code == status
    if status != 200:
        return []
    assert reply["Content-Type"] == "text/csv; charset=utf-8"
    assert reply["Content-Disposition"].endswith('-rejected.csv"')
    return list(csv.reader(io.StringIO(reply.content.decode("utf-8-sig"))))


def test_rejected_rows_come_with_number_code_and_reason(alice):
    agree(alice, "u1")
    upload = process(alice, BAD.encode())
    head, *rows = fetched(alice, upload)
    assert head[:3] == ["attune_row", "attune_code", "attune_reason"]
    assert [row[:2] for row in rows] == [
        ["2", "missing_item"], ["3", "bad_time"], ["4", "unknown_type"],
    ]  # fmt: skip
    assert rows[0][2] == "No item id. Add the id of the item."
    told = dict(zip(head, rows[1], strict=True))
    assert (told["user_id"], told["occurred_at"], told["quantity"]) == (
        "'-u2", "31.31.2026", "'=1+1",
    )  # fmt: skip
    with alice.scope:
        entry = AuditEntry.objects.get(action="upload.rejected_fetched")
        assert entry.object_id == upload.public_id
        assert entry.detail.get().details == {
            "counts": {"missing_item": 1, "bad_time": 1, "unknown_type": 1}
        }


def test_the_reason_is_in_the_readers_language(alice):
    agree(alice, "u1")
    upload = process(alice, BAD.encode())
    with alice.scope, override("zh-hans"):
        assert "请补上" in rejected_file(upload=upload, actor=alice.actor).decode()


def test_a_repaired_file_is_read_as_the_rows_were_and_counts_none_twice(alice):
    agree(alice, "u1", "-u2")
    upload = process(alice, BAD.encode())
    head, *rows = fetched(alice, upload)
    rows[0][head.index("item_id")] = "i9"
    rows[1][head.index("occurred_at")] = "2026-03-03T10:00:00Z"
    rows[1][head.index("quantity")] = "2"
    out = io.StringIO()
    csv.writer(out).writerows([head, *rows])
    again = process(alice, out.getvalue().encode())
    assert outcomes(again) == {("rejected", "unknown_type"): (1, [3])}
    third = process(alice, out.getvalue().encode())
    assert outcomes(third)["duplicate", "already_stored"] == (2, [1, 2])
    with alice.scope:
        assert Event.objects.count() == 3
        ids = resolve(["-u2"])
        assert Event.objects.filter(subject_id=ids["-u2"], quantity=2).count() == 1


def sent_again(business, upload: Upload, **mended: str) -> Upload:
    """The rejected rows of an upload as a new one, with some cells mended."""
    head, *rows = fetched(business, upload)
    for row in rows:
        for name, value in mended.items():
            row[head.index(name)] = value
    out = io.StringIO()
    csv.writer(out).writerows([head, *rows])
    return process(business, out.getvalue().encode())


def test_a_file_repaired_twice_still_names_whom_it_named(alice):
    """Each download escapes once, and each reading takes that away again."""
    agree(alice, "+49171", "'quoted")
    bad = f"{EVENTS_HEAD},quantity\n+49171,-i1,veiw,31.31.2026,1\n'quoted,-i1,veiw,31.31.2026,1\n"
    first = process(alice, bad.encode())
    second = sent_again(alice, first, occurred_at="2026-03-03T10:00:00Z")
    assert outcomes(second) == {("rejected", "unknown_type"): (2, [1, 2])}
    head, *rows = fetched(alice, second)
    assert [row[head.index("user_id")] for row in rows] == ["'+49171", "''quoted"]
    third = sent_again(alice, second, type="view")
    assert (third.report["accepted"], third.report["subjects_seen"]) == (2, 2)
    with alice.scope:
        ids = resolve(["+49171", "'quoted"])
        assert set(Event.objects.values_list("subject_id", flat=True)) == set(ids.values())
        assert set(Event.objects.values_list("item__external_id", flat=True)) == {"-i1"}


def test_no_cell_that_swallowed_other_lines_is_kept(alice):
    agree(alice, "u1")
    head = f"{EVENTS_HEAD},order_id\n"
    quoted = 'u1,i1,veiw,2026-03-01T10:00:00Z,"a\nu2,i2,view,2026-03-02T10:00:00Z,b"\n'
    upload = process(alice, f"{head}{quoted}".encode())
    ((*_, order),) = fetched(alice, upload)[1:]
    assert order == ""
    unclosed = 'u1,i1,view,2026-03-01T10:00:00Z,"a\nu2,i2,view,2026-03-02T10:00:00Z,b\n'
    upload = process(alice, f"{head}{unclosed}".encode())
    assert ("rejected", "unclosed_quote") in outcomes(upload)
    fetched(alice, upload, 404)


def test_no_erasure_comes_between_while_rows_of_items_are_kept(alice, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(rejected, "keep_erasures_out", lambda: asked.append("lock"))
    upload = process(alice, b"item_id,title\n,no id\n", Upload.ITEMS)
    assert outcomes(upload) == {("rejected", "missing_item"): (1, [1])}
    assert asked == ["lock"]


def test_an_erasure_asks_no_clock_what_was_kept_before_it(alice):
    agree(alice, "u1")
    process(alice, BAD.encode())
    with alice.scope:
        RejectedRows.objects.update(created_at=now() + timedelta(minutes=5))
        begin_erasure(subject_id=resolve(["u1"])["u1"], actor=alice.actor)
        assert RejectedRows.objects.count() == 0


def test_rows_that_landing_rejects_are_kept_too(alice):
    agree(alice, "u1")
    upload = process(
        alice, events(("u1", "i1", "01"), ("u1", "i2", "02")), options={"known_items_only": True}
    )
    assert [row[:2] for row in fetched(alice, upload)[1:]] == [
        ["1", "unknown_item"], ["2", "unknown_item"],
    ]  # fmt: skip


def test_nothing_readable_lies_in_the_database(alice):
    process(alice, BAD.encode())
    with alice.scope:
        (kept,) = RejectedRows.objects.all()
        assert b"u2" not in bytes(kept.sealed)
        assert kept.codes == {"missing_item": 1, "bad_time": 1, "unknown_type": 1}


def test_a_frequent_reason_does_not_hide_the_others(alice, monkeypatch):
    monkeypatch.setattr(rejected, "MOST_OF_CODE", 2)
    lines = [f"u1,,view,2026-03-{day:02}T10:00:00Z" for day in range(1, 6)]
    content = "\n".join((EVENTS_HEAD, *lines, "u1,i1,veiw,2026-03-09T10:00:00Z", ""))
    upload = process(alice, content.encode())
    assert [row[0] for row in fetched(alice, upload)[1:]] == ["1", "2", "6"]


def test_there_is_an_end_to_what_is_kept(alice, monkeypatch):
    monkeypatch.setattr(rejected, "MOST_BYTES", 10)
    fetched(alice, process(alice, BAD.encode()), 404)


def test_without_rejected_rows_there_is_no_file_and_no_link(alice, bob):
    agree(alice, "u1")
    fine = process(alice, events(("u1", "i1", "01")))
    fetched(alice, fine, 404)
    browser = alice.browser()
    assert "/rejected/" not in browser.get(f"/data/uploads/{fine.public_id}/").content.decode()
    bad = process(alice, BAD.encode())
    fetched(bob, bad, 404)
    address = f"/data/uploads/{bad.public_id}/rejected/"
    assert address in browser.get(f"/data/uploads/{bad.public_id}/").content.decode()
    assert browser.get(address).content.decode("utf-8-sig").startswith("attune_row,")


def test_an_erasure_destroys_what_was_kept_and_later_files_hold_no_row_of_the_erased(alice):
    agree(alice, "u1")
    upload = process(alice, BAD.encode())
    with alice.scope:
        begin_erasure(subject_id=resolve(["u1"])["u1"], actor=alice.actor)
        assert RejectedRows.objects.count() == 0
    fetched(alice, upload, 404)
    later = process(alice, BAD.encode())
    assert [row[0] for row in fetched(alice, later)[1:]] == ["3"]
