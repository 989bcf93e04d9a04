"""A job's curves for TensorBoard: fetched from its page as a zip, by whoever may read models."""

import zipfile
from io import BytesIO

import pytest

from tenants.errors import Conflict
from training.engine.board import Board
from training.jobs import boards, life
from training.jobs.beginning import folder_of
from training.jobs.models import Job


@pytest.fixture
def ran(alice) -> Job:
    """A job of Alice's of two attempts, with its curves."""
    with alice.scope:
        job = Job.objects.create(base_model="tiny", actor_ref="x", state=life.SUCCEEDED)
    folder = folder_of(job.tenant_id, job.id)
    folder.mkdir(parents=True)
    for attempt in range(2):
        board = Board(folder / boards.FOLDER)
        for step in range(3):
            board.point("sequence/loss", step, attempt + 0.5)
        board.close()
    (folder / "events.parquet").write_bytes(b"people")
    return job


def address(job: Job) -> str:
    return f"/models/jobs/{job.public_id}/tensorboard/"


def test_the_zip_holds_the_curves_of_every_attempt_and_nothing_else(alice, ran):
    owner = alice.browser()
    assert address(ran) in owner.get(f"/models/jobs/{ran.public_id}/").content.decode()
    reply = owner.get(address(ran))
    assert (reply.status_code, reply["Content-Type"]) == (200, "application/zip")
    assert reply["Content-Disposition"] == (
        f'attachment; filename="{ran.public_id}-tensorboard.zip"'
    )
    archive = zipfile.ZipFile(BytesIO(reply.getvalue()))
    assert archive.testzip() is None
    folder = folder_of(ran.tenant_id, ran.id) / boards.FOLDER
    files = {f"{ran.public_id}/{path.name}": path.read_bytes() for path in folder.iterdir()}
    assert {name: archive.read(name) for name in archive.namelist()} == files
    assert len(files) == 2


def test_it_is_sent_piece_by_piece(alice, ran, monkeypatch):
    monkeypatch.setattr(boards, "PIECE", 16)
    with alice.scope:
        pieces = list(boards.download(ran))
    assert len(pieces) > 10
    assert zipfile.ZipFile(BytesIO(b"".join(pieces))).testzip() is None


def test_a_job_without_curves_offers_none_and_says_so(alice):
    with alice.scope:
        job = Job.objects.create(base_model="tiny", actor_ref="x", state=life.QUEUED)
        with pytest.raises(Conflict) as refused:
            boards.download(job)
    assert refused.value.code == "no_curves"
    owner = alice.browser()
    assert address(job) not in owner.get(f"/models/jobs/{job.public_id}/").content.decode()
    assert owner.get(address(job)).status_code == 409


def test_another_tenants_curves_read_as_missing(bob, ran):
    assert bob.browser().get(address(ran)).status_code == 404
