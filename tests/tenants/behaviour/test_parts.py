"""Files in parts: gone on with after any break, each byte kept once, nothing believed too soon."""

import base64
import hashlib
from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace

import pytest
from django.utils.timezone import now
from rest_framework.exceptions import ParseError

from tenants.access.parsers import PartBody
from tenants.behaviour.arriving import vault
from tenants.behaviour.arriving.parts import begin_upload, complete_upload, take_part
from tenants.behaviour.models import Event, Upload
from tenants.errors import AppError
from tenants.ids import uuid7
from tenants.isolation.vault import PIECE, SEALED_PIECE
from tenants.work.run import run_waiting
from tests.tenants.behaviour.in_parts import (
    FILE,
    ROWS,
    SHA256,
    asked,
    begun,
    code,
    complete,
    put,
    send_all,
    told,
)
from tests.tenants.behaviour.uploads import EVENTS_HEAD, adds_up, agree, fresh


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    return tmp_path


def test_a_file_in_parts_goes_the_whole_way_and_lies_sealed_meanwhile(alice, folder):
    agree(alice, "u1")
    upload = begun(alice)
    assert len(FILE) > 2 * PIECE
    send_all(alice, upload)
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    assert b"user_id" not in path.read_bytes() and b"xxxx" not in path.read_bytes()
    reply = complete(alice, upload)
    assert (reply.status_code, reply.json()["status"]) == (202, "received")
    run_waiting("default")
    body = asked(alice, "get", f"/v1/uploads/{upload}").json()
    assert (body["status"], body["report"]["accepted"], body["bytes_received"]) == (
        "done", ROWS, len(FILE),
    )  # fmt: skip
    assert [p for p in folder.rglob("*") if p.is_file()] == []
    assert told(alice, "upload.begun") == [{"kind": "events", "bytes": len(FILE)}]
    assert told(alice, "upload.accepted") == [
        {"kind": "events", "bytes": len(FILE), "sha256": SHA256}
    ]


def test_the_same_part_again_changes_nothing_and_another_one_is_refused(alice):
    upload = begun(alice)
    for _ in range(2):
        reply = put(alice, upload, 0, FILE[: 2 * PIECE])
        assert (reply.status_code, reply.json()["bytes_received"]) == (200, 2 * PIECE)
    assert put(alice, upload, PIECE, FILE[PIECE : 2 * PIECE]).status_code == 200
    other = b"y" + FILE[PIECE + 1 : 2 * PIECE]
    assert code(put(alice, upload, PIECE, other)) == (409, "part_differs")
    last = FILE[2 * PIECE :]
    for _ in range(2):
        assert put(alice, upload, 2 * PIECE, last).json()["bytes_received"] == len(FILE)
    assert code(put(alice, upload, 2 * PIECE, last[:-1] + b"y")) == (409, "part_differs")
    assert complete(alice, upload).status_code == 202


def digest_of(part: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(part).digest()).decode()}:"


WRONG = {
    "a gap": (PIECE, FILE[PIECE : 2 * PIECE], {}, 409, "part_gap"),
    "no whole MiB": (0, FILE[:1000], {}, 400, "part_size"),
    "nothing": (0, b"", {}, 400, "part_size"),
    "beyond the end": (0, FILE + b"x", {}, 400, "part_beyond"),
    "far beyond": (2**62, FILE[:PIECE], {}, 400, "part_beyond"),
    "another digest": (
        0, FILE[:PIECE], {"Content-Digest": digest_of(b"x")}, 400, "part_damaged",
    ),
    "an odd digest": (0, FILE[:PIECE], {"Content-Digest": "md5=:x:"}, 400, "bad_digest"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_part_that_does_not_fit_is_refused_and_keeps_nothing(alice, folder, what):
    offset, part, headers, status, expected = WRONG[what]
    upload = begun(alice)
    assert code(put(alice, upload, offset, part, **headers)) == (status, expected)
    assert asked(alice, "get", f"/v1/uploads/{upload}").json()["bytes_received"] == 0
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_part_with_its_digest_is_taken(alice):
    upload = begun(alice)
    part = FILE[:PIECE]
    assert put(alice, upload, 0, part, **{"Content-Digest": digest_of(part)}).status_code == 200


def test_a_part_may_be_so_long_and_no_longer(alice, settings):
    settings.PART_LIMIT_BYTES = PIECE
    upload = begun(alice)
    assert put(alice, upload, 0, FILE[:PIECE]).status_code == 200
    assert code(put(alice, upload, PIECE, FILE[PIECE : 3 * PIECE])) == (400, "part_size")


def test_a_body_that_breaks_off_is_no_part():
    """A server that waits no longer hands on what came, without a word."""
    for said, good in ((str(PIECE), True), (str(PIECE + 1), False), (None, False)):
        context = {"request": SimpleNamespace(META={"CONTENT_LENGTH": said})}
        if good:
            (part,) = PartBody().parse(BytesIO(FILE[:PIECE]), None, context).files.values()
            assert part.read() == FILE[:PIECE]
        else:
            with pytest.raises(ParseError):
                PartBody().parse(BytesIO(FILE[:PIECE]), None, context)


def test_what_was_written_and_never_acknowledged_is_written_over(alice):
    """A server killed between the file and the row."""
    agree(alice, "u1")
    upload = begun(alice)
    assert put(alice, upload, 0, FILE[:PIECE]).status_code == 200
    with alice.scope:
        row = Upload.objects.get()
    vault.store_part(row.tenant_id, row.id, PIECE, b"y" * (len(FILE) - PIECE), last=True)
    assert asked(alice, "get", f"/v1/uploads/{upload}").json()["bytes_received"] == PIECE
    assert put(alice, upload, PIECE, FILE[PIECE : 2 * PIECE]).status_code == 200
    assert vault.path_of(row.tenant_id, row.id).stat().st_size == 2 * SEALED_PIECE
    assert put(alice, upload, 2 * PIECE, FILE[2 * PIECE :]).status_code == 200
    assert complete(alice, upload).status_code == 202
    run_waiting("default")
    assert fresh(alice, row).report["accepted"] == ROWS
    assert adds_up(fresh(alice, row))


def test_an_upload_is_complete_when_every_byte_is_here_and_once(alice):
    upload = begun(alice)
    assert code(complete(alice, upload)) == (409, "parts_missing")
    send_all(alice, upload)
    assert complete(alice, upload).status_code == 202
    assert complete(alice, upload).json()["status"] == "received"
    assert code(complete(alice, upload, "0" * 64)) == (409, "not_receiving")
    assert code(put(alice, upload, 0, FILE[:PIECE])) == (409, "not_receiving")
    assert len(told(alice, "upload.accepted")) == 1


def test_another_file_than_was_named_stores_no_row(alice, folder):
    agree(alice, "u1")
    upload = begun(alice)
    send_all(alice, upload)
    assert complete(alice, upload, "0" * 64).status_code == 202
    run_waiting("default")
    body = asked(alice, "get", f"/v1/uploads/{upload}").json()
    assert (body["status"], body["error"]["code"]) == ("failed", "hash_differs")
    with alice.scope:
        assert not Event.objects.exists()
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_hash_that_nobody_named_is_told_to_the_log_when_it_is_known(alice):
    agree(alice, "u1")
    with alice.scope:
        upload = begin_upload(kind="events", name="x", size=len(FILE), actor=alice.actor)
        take_part(upload_id=upload.id, offset=0, part=FILE)
        complete_upload(upload_id=upload.id, actor=alice.actor)
    run_waiting("default")
    assert told(alice, "upload.arrived") == [{"bytes": len(FILE), "sha256": SHA256}]
    assert bytes(fresh(alice, upload).sha256).hex() == SHA256


def test_a_small_file_may_be_one_part_and_events_until_its_arrival_are_not_ahead(alice):
    agree(alice, "u1")
    moment = now() + timedelta(hours=2)
    content = f"{EVENTS_HEAD}\nu1,i1,view,{moment:%Y-%m-%dT%H:%M:%SZ}\n".encode()
    upload = begun(alice, len(content))
    assert put(alice, upload, 0, content).status_code == 200
    with alice.scope:
        Upload.objects.update(arrived_at=moment)
    assert complete(alice, upload, hashlib.sha256(content).hexdigest()).status_code == 202
    run_waiting("default")
    with alice.scope:
        assert Upload.objects.get().report["accepted"] == 1


def test_an_upload_that_still_arrives_holds_up_no_other(alice):
    agree(alice, "u1")
    begun(alice)
    whole = begun(alice)
    send_all(alice, whole, step=2 * PIECE)
    complete(alice, whole)
    run_waiting("default")
    assert asked(alice, "get", f"/v1/uploads/{whole}").json()["status"] == "done"


def test_a_service_refuses_an_unknown_upload(alice):
    with alice.scope, pytest.raises(AppError) as refused:
        take_part(upload_id=uuid7(), offset=0, part=b"x")
    assert refused.value.code == "not_found"
