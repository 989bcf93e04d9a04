"""Many rows are read in chunks, and no cursor outlives a loop that an exception ends."""

import re
from pathlib import Path

import pytest
from django.db import connection

from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Upload
from tenants.behaviour.store import BehaviourRows
from tenants.isolation.reading import in_chunks
from tenants.rights import exporting
from tenants.subjects.directory import find
from tests.tenants.erasure.erasures import ANNA, fill

ROOT = Path(__file__).resolve().parents[3]
# Stores of one person's rows, whose one reader closes them, and a loop that does so itself.
CLOSED = {
    "platform/recommend/store.py",
    "tenants/behaviour/store.py",
    "tenants/consent/ledger.py",
    "tenants/consent/store.py",
    "tenants/rights/store.py",
    "training/jobs/store.py",
}


def open_cursors() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_cursors where name like '%%django%%'", [])
        return cursor.fetchone()[0]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_every_row_comes_once_in_the_order_of_the_key(alice, size):
    with alice.scope:
        every = list(AuditEntry.objects.order_by("seq"))
        assert (
            len(every) >= 3 and list(in_chunks(AuditEntry.objects.all(), "seq", size=size)) == every
        )
        for kind in ("items", "events", "items", "consents", "items"):
            Upload.objects.create(kind=kind, name="x", bytes=1, sha256=b"x", actor_ref="x")
        told = in_chunks(Upload.objects.all(), "kind", "id", size=size)
        assert list(told) == list(Upload.objects.order_by("kind", "id"))


def test_rows_that_no_longer_come_leave_no_cursor(alice):
    with alice.scope:
        rows = in_chunks(AuditEntry.objects.all(), "seq", size=1)
        next(rows)
        assert open_cursors() == 0


def test_a_persons_export_that_fails_midway_leaves_no_cursor(alice):
    fill(alice)
    with alice.scope:
        events = BehaviourRows().export(find(ANNA).id)["event"]
        with pytest.raises(ZeroDivisionError) as kept, exporting._closed(events) as rows:
            assert next(iter(rows)) and open_cursors() == 1
            raise ZeroDivisionError
        assert (open_cursors(), kept.type) == (0, ZeroDivisionError)


def test_nothing_else_opens_a_cursor_that_may_outlive_its_loop():
    found = {
        str(path.relative_to(ROOT))
        for floor in ("tenants", "platform", "training")
        for path in (ROOT / floor).rglob("*.py")
        if re.search(r"\.iterator\(", path.read_text())
        if path.name != "reading.py"
    }
    assert found == CLOSED
