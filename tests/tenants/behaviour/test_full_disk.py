"""A disk that is full under a file: it is refused or waits, says so, and nothing is lost."""

import gzip
import io
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client

from tenants.behaviour.arriving import vault
from tenants.behaviour.asking import looking, rehearsing
from tenants.behaviour.asking.services import rehearse_upload
from tenants.behaviour.models import Event, Upload
from tenants.behaviour.processing import ingest, waiting
from tenants.errors import NoRoom
from tenants.isolation.vault import PIECE, SEALED_PIECE
from tenants.work import queue
from tenants.work.models import WorkItem
from tenants.work.run import run_one, run_waiting
from tests.tenants.behaviour.in_parts import FILE, begun, code, complete, put
from tests.tenants.behaviour.uploads import accept, adds_up, agree, events, fresh

ROOM = 512 << 10


@contextmanager
def little_room() -> Iterator[None]:
    """No file of this process may grow beyond ROOM: the system says EFBIG instead of ENOSPC."""
    least, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (least, most))


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOAD_ROOT, settings.INCOMING_ROOT = tmp_path / "uploads", tmp_path / "incoming"
    return tmp_path


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(waiting, "PAUSE", waiting.PAUSE * 0)


def files(folder) -> list[object]:
    return [path for path in folder.rglob("*") if path.is_file()]


def packed() -> bytes:
    """A Parquet file in gzip that has room as long as it is packed."""
    texts = {name: [name] * 400 for name in ("user_id", "item_id", "type")}
    times = [f"2026-03-05T10:{n // 60:02d}:{n % 60:02d}Z" for n in range(400)]
    table = pa.table(
        {**texts, "type": ["view"] * 400, "occurred_at": times, "n": ["x" * 4000] * 400}
    )
    made = io.BytesIO()
    pq.write_table(table, made, compression="none", use_dictionary=False)
    assert len(made.getvalue()) > ROOM
    return gzip.compress(made.getvalue())


def test_a_file_that_meets_a_full_disk_is_refused_until_there_is_room(alice, folders):
    sent = {"kind": "events", "file": SimpleUploadedFile("mine.csv", FILE)}
    with little_room():
        reply = Client().post("/v1/uploads", sent, headers=alice.headers)
    assert (*code(reply), reply.headers["Retry-After"]) == (503, "no_room", "60")
    with alice.scope:
        assert not Upload.objects.exists()
    assert files(folders) == []
    sent = {"kind": "events", "file": SimpleUploadedFile("mine.csv", FILE)}
    assert Client().post("/v1/uploads", sent, headers=alice.headers).status_code == 202


def test_nothing_is_left_of_a_file_that_was_not_kept(alice, folders):
    with little_room(), pytest.raises(NoRoom):
        accept(alice, FILE)
    assert files(folders) == []


def test_a_part_that_meets_a_full_disk_is_sent_again(alice, folders):
    agree(alice, "u1")
    upload = begun(alice)
    assert put(alice, upload, 0, FILE[:PIECE]).status_code == 200
    with little_room():
        assert code(put(alice, upload, PIECE, FILE[PIECE:])) == (503, "no_room")
    assert [path.stat().st_size for path in files(folders)] == [SEALED_PIECE]  # not a byte more
    assert put(alice, upload, PIECE, FILE[PIECE:]).status_code == 200
    assert complete(alice, upload).status_code == 202
    run_waiting("default")
    with alice.scope:
        assert Upload.objects.get().state == Upload.DONE


@pytest.mark.parametrize("ask", ["", "mapping", "dry_run"])
def test_a_file_with_no_room_to_be_unpacked_waits_and_says_so(alice, ask, at_once):
    agree(alice, "user_id")
    run_waiting("default")
    upload = accept(alice, packed(), ask=ask)
    for _ in range(6):  # more often than work may fail
        with little_room():
            assert run_once()
        told = fresh(alice, upload)
        assert (told.error["code"], told.state) == (
            "waits_for_room", {"": "running", "mapping": "looking", "dry_run": "looking"}[ask]
        )  # fmt: skip
    body = Client().get(f"/v1/uploads/{upload.public_id}", headers=alice.headers).json()
    assert "It goes on by itself once there is room" in body["error"]["message"]
    run_waiting("default")
    done = fresh(alice, upload)
    assert (done.state, done.error) == ("done" if not ask else "mapping", {})
    if not ask:
        assert adds_up(done)
        with alice.scope:
            assert Event.objects.count() == done.report["accepted"]


def database_is_full(*_: object, **__: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("do $$ begin raise exception 'no space' using errcode = '53100'; end $$")


def test_the_database_s_own_full_disk_is_waited_for_too(alice, at_once, monkeypatch):
    agree(alice, "u1")
    run_waiting("default")
    upload = accept(alice, events(("u1", "i1", "01")))
    with monkeypatch.context() as patch:
        patch.setattr(ingest, "_land", database_is_full)
        for _ in range(6):
            assert run_once()
        assert fresh(alice, upload).error["code"] == "waits_for_room"
    run_waiting("default")
    assert (fresh(alice, upload).state, fresh(alice, upload).error) == ("done", {})


WORKERS = {"upload": ingest, "look": looking, "dry_run": rehearsing}


def promised(business, kind: str) -> Upload:
    """An upload for which work of this kind waits."""
    content = events(("u1", "i1", "01"))
    if kind == "upload":
        return accept(business, content)
    upload = accept(business, content, ask="mapping")
    if kind == "dry_run":
        run_waiting("default")
        with business.scope:
            rehearse_upload(upload_id=upload.id, actor=business.actor)
    return upload


def run_at_once() -> None:
    WorkItem.objects.filter(state="waiting").update(run_at=Now())
    assert run_once()


@pytest.mark.parametrize("kind", WORKERS)
def test_a_database_with_no_room_to_begin_the_work_is_waited_for(alice, kind, monkeypatch):
    agree(alice, "u1")
    run_waiting("default")
    upload = promised(alice, kind)
    with monkeypatch.context() as patch:
        patch.setattr(WORKERS[kind], "goes_on", database_is_full)
        for _ in range(8):  # more often than work may fail
            run_at_once()
    assert fresh(alice, upload).state not in (Upload.DONE, Upload.FAILED)
    run_at_once()
    done = fresh(alice, upload)
    assert (done.state, done.error) == ("done" if kind == "upload" else "mapping", {})


def breaks(*_: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("kind", WORKERS)
def test_a_file_whose_work_breaks_to_the_hard_stop_holds_up_no_other(alice, kind, monkeypatch):
    agree(alice, "u1")
    run_waiting("default")
    upload = promised(alice, kind)
    with monkeypatch.context() as patch:
        patch.setattr(WORKERS[kind], "goes_on", breaks)
        for _ in range(6):
            run_at_once()
    ended = fresh(alice, upload)
    if kind == "dry_run":  # the file itself may be fine
        assert (ended.state, ended.rehearsal["error"]["code"]) == ("mapping", "crashed")
    else:
        assert (ended.state, ended.error["code"]) == ("failed", "crashed")
        assert not vault.path_of(upload.tenant_id, upload.id).exists()
    later = accept(alice, events(("u1", "i2", "02")))
    run_waiting("default")
    assert fresh(alice, later).state == "done"


def test_a_request_that_meets_it_is_refused_alike(alice, monkeypatch):
    monkeypatch.setattr(vault, "store", database_is_full)
    sent = {"kind": "events", "file": SimpleUploadedFile("mine.csv", FILE)}
    reply = Client().post("/v1/uploads", sent, headers=alice.headers)
    assert (*code(reply), reply.headers["Retry-After"]) == (503, "no_room", "60")


def run_once() -> bool:
    lease = queue.claim("default")
    return lease is not None and run_one(lease)


def test_its_page_says_for_what_it_waits(alice, at_once):
    upload = accept(alice, packed())
    with little_room():
        run_once()
    page = alice.browser().get(f"/data/uploads/{upload.public_id}/").content.decode()
    assert "so this file waits" in page and "The file was refused" not in page
    assert WorkItem.objects.get().attempts == 0
