"""What the shared store has of jobs comes under a new master key, and no data come out of it."""

import base64
import os

import pytest

from tests.training.jobs.machines import make_machines
from tests.training.jobs.test_shared_jobs import folder, look, run_step
from tests.training.jobs.test_supervisor import start_job
from training.jobs import carrying
from training.jobs.resealing import reseal


@pytest.fixture
def machines(settings, tmp_path):
    return make_machines(settings, tmp_path, f"file://{tmp_path / 'store'}")


def files_of(machines, business, job) -> dict[str, bytes]:
    names = machines.files(business, "jobs", str(job.id))
    return {name: machines.read(business, "jobs", str(job.id), name) for name in names}


def test_a_jobs_data_and_states_open_under_the_new_key_alone(
    stocked, machines, monkeypatch, settings
):  # fmt: skip
    job = start_job(stocked)
    run_step(monkeypatch, "", "a1 ")
    events = (folder(job) / "events.parquet").read_bytes()
    before = files_of(machines, stocked, job)
    assert len(before) == 2
    settings.ATTUNE_MASTER_KEY_PREVIOUS = settings.ATTUNE_MASTER_KEY
    settings.ATTUNE_MASTER_KEY = base64.b64encode(os.urandom(32)).decode()
    settings.ATTUNE_MASTER_KEY_VERSION = 2
    run_step(monkeypatch, "a1 ", "b2 ")  # opens what the old key sealed
    reseal(stocked.tenant.id)
    after = files_of(machines, stocked, job)
    assert set(after) == {name for name in before if name.startswith("data-")} | {"state-00000002"}
    reseal(stocked.tenant.id)  # what the current key opens is left alone
    assert files_of(machines, stocked, job) == after
    settings.ATTUNE_MASTER_KEY_PREVIOUS = ""
    machines.on("b")
    with stocked.scope:
        assert carrying.bring(look(stocked, job), folder(job))
    assert (folder(job) / "events.parquet").read_bytes() == events
    assert list((machines.root / "a" / "jobs").glob(".reseal*")) == []
