"""An upload that arrives lies in a folder for nobody else, and no longer than it must."""

import os
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tenants.access import incoming
from tenants.behaviour.models import Upload

LARGE = b"user_id,item_id\n" + b"u,i\n" * 800_000


@pytest.fixture
def folder(settings, tmp_path):
    settings.INCOMING_ROOT = tmp_path / "incoming"
    settings.UPLOAD_ROOT = tmp_path / "uploads"
    return settings.INCOMING_ROOT


def send(alice):
    file = SimpleUploadedFile("events.csv", LARGE)
    return Client().post("/v1/uploads", {"kind": "events", "file": file}, headers=alice.headers)


def test_a_large_upload_passes_through_a_closed_folder_and_leaves_nothing(
    alice, folder, monkeypatch
):
    seen = []
    sweep = incoming.sweep
    monkeypatch.setattr(incoming, "sweep", lambda place: (seen.append(place), sweep(place)))
    assert send(alice).status_code == 202
    assert seen == [folder]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


def test_what_a_killed_process_left_is_cleared_and_what_is_written_now_is_not(alice, folder):
    folder.mkdir()
    for name, age in (("left", 2 * incoming.ABANDONED_SECONDS), ("written now", 0)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age,) * 2)
    assert send(alice).status_code == 202
    assert [path.name for path in folder.iterdir()] == ["written now"]


def test_more_files_or_fields_than_a_form_has_are_refused(alice, folder):
    for data in (
        {f"file{n}": SimpleUploadedFile("a.csv", b"x") for n in range(5)},
        {f"field{n}": "x" for n in range(201)},
    ):
        reply = alice.browser().post("/data/upload/", data)
        assert reply.status_code == 400
    with alice.scope:
        assert Upload.objects.count() == 0
