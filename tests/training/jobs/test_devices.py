"""A job on several devices: what it asks of a worker, what it costs, and how it ends."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from django.utils.timezone import now

from tenants.errors import AppError
from tenants.metering.meters import DEVICE
from tenants.metering.queries import used
from tenants.work import queue
from tenants.work.models import WorkItem, WorkShare
from tenants.work.run import run_waiting
from tests import shop
from tests.training.jobs.job_requests import error_of, order, traces
from tests.training.jobs.test_supervisor import stand_in, start_job
from training.engine.lineage import read_record
from training.jobs import devices, gpus, life, supervisor
from training.jobs.beginning import folder_of
from training.jobs.card import card_of
from training.jobs.control import pause_job, resume_job
from training.jobs.models import Device, Job, JobEvent, Version
from training.jobs.repeating import _order

PAIR = {"devices": 2}


def a_worker(**values: object) -> Device:
    """This process as a worker that has told of itself."""
    known = {"owner": queue.this_worker(), "host": "here", "device": "cpu", "slots": 2}
    return Device.objects.create(worker="gpu@here", last_seen=now(), **known | values)


def test_more_devices_than_any_machine_has_are_refused_and_leave_nothing(alice):
    before = traces(alice)
    for body, param in (
        ({"hyperparameters": PAIR}, "hyperparameters.devices"),
        (
            {"method": {"type": "lora", "lora": {"hyperparameters": PAIR}}},
            "method.lora.hyperparameters.devices",
        ),
    ):
        for path in ("/v1/fine_tuning/jobs", "/v1/fine_tuning/estimates"):
            assert error_of(order(alice, path, **body)) == (400, "too_many_devices", param)
    a_worker(slots=4, gpus=1, device="cuda:0")  # four jobs at once, but one GPU
    reply = order(alice, hyperparameters=PAIR)
    assert error_of(reply) == (400, "too_many_devices", "hyperparameters.devices")
    assert "Choose at most 1." in reply.json()["error"]["message"]
    assert traces(alice) == before
    assert order(alice, hyperparameters={"devices": "auto"}).status_code == 201


def test_an_order_for_two_devices_keeps_them_with_its_parameters(alice):
    a_worker()
    reply = order(alice, hyperparameters=PAIR)
    assert reply.status_code == 201
    assert reply.json()["hyperparameters"]["devices"] == 2
    with alice.scope:
        job = Job.objects.get()
        assert (job.params, job.devices) == (PAIR, 2)
    assert error_of(order(alice, hyperparameters={"devices": 17})) == (
        400, "bad_param", "hyperparameters.devices",
    )  # fmt: skip


def test_an_estimate_counts_every_device(stocked):
    a_worker()
    one, two = (
        order(stocked, "/v1/fine_tuning/estimates", hyperparameters={"devices": n}).json()
        for n in (1, 2)
    )
    assert two["device_seconds"] == pytest.approx(2 * one["device_seconds"], abs=0.2)
    assert two["run_seconds"] == pytest.approx(one["run_seconds"], abs=0.1)


def test_a_job_on_two_devices_waits_for_both_slots_of_a_worker(stocked):
    a_worker()
    job = start_job(stocked, params=PAIR)
    with stocked.scope:
        job.refresh_from_db()
    item = WorkItem.objects.get(kind="job")
    assert (item.slots, item.expected) == (2, job.estimate["device_seconds"] / 2)
    WorkItem.objects.create(
        tenant_id=job.id, kind="job", object_id=job.id, queue="gpu", state=WorkItem.RUNNING,
        lease_owner=queue.this_worker(),
    )  # fmt: skip
    assert queue.claim("gpu") is None
    WorkItem.objects.filter(state=WorkItem.RUNNING).update(state=WorkItem.DONE)
    assert queue.claim("gpu").object_id == job.id


def test_a_resumed_job_asks_for_its_slots_again(stocked):
    a_worker()
    job = start_job(stocked, params=PAIR)
    with stocked.scope:
        pause_job(job_id=job.id, actor=stocked.actor)
    WorkItem.objects.filter(kind="job").update(state=WorkItem.DONE)
    with stocked.scope:
        resume_job(job_id=job.id, actor=stocked.actor)
    assert WorkItem.objects.get(kind="job", state=WorkItem.WAITING).slots == 2


def test_seconds_of_two_devices_count_twice(stocked, monkeypatch):
    a_worker()
    job = start_job(stocked, params=PAIR)
    stand_in(monkeypatch, f"import time; time.sleep(0.5); sys.exit({supervisor.CHECKPOINTED})")
    started = time.monotonic()
    supervisor.run(queue.claim("gpu"))
    took = time.monotonic() - started
    with stocked.scope:
        job.refresh_from_db()
        assert 1.0 < job.device_seconds <= 2 * took
        assert used([DEVICE])[DEVICE] == pytest.approx(job.device_seconds)
    share = WorkShare.objects.get(tenant_id=stocked.tenant.id, queue="gpu")
    assert share.served == pytest.approx(job.device_seconds)
    left = (job.estimate["device_seconds"] - job.device_seconds) / 2
    assert WorkItem.objects.get(kind="job").expected == pytest.approx(left)


def test_jobs_are_lent_the_gpus_that_have_the_fewest(db, monkeypatch):
    a_worker(slots=4, gpus=4, device="cuda:0")
    monkeypatch.setenv(gpus.VISIBLE, "4,5,6,7")
    with gpus.lent(1) as one, gpus.lent(2) as two, gpus.lent(1) as last:
        assert [each[gpus.VISIBLE] for each in (one, two, last)] == ["4", "5,6", "7"]
        with gpus.lent(1) as shared:
            assert shared[gpus.VISIBLE] == "4"
    with gpus.lent(4) as every:
        assert every[gpus.VISIBLE] == "4,5,6,7"
    monkeypatch.delenv(gpus.VISIBLE)
    assert gpus.names(2) == ["0", "1"]


def test_without_gpus_nothing_is_lent(db):
    with gpus.lent(2) as before_it_told:
        assert before_it_told == {}
    a_worker()
    with gpus.lent(2) as on_processors:
        assert on_processors == {}


def test_the_page_offers_devices_where_a_machine_has_several(alice):
    page = alice.browser()
    assert 'name="devices"' not in page.get("/models/").content.decode()
    a_worker()
    assert 'name="devices"' in page.get("/models/").content.decode()
    form = {"base_model": "all-MiniLM-L6-v2", "method": "lora", "seed": 0, "devices": 3}
    refused = page.post("/models/jobs/start/", form)
    assert refused.status_code == 422
    assert "No machine here can give one job 3 devices. Choose at most 2." in (
        refused.content.decode()
    )
    assert page.post("/models/jobs/start/", {**form, "devices": 2}).status_code == 302
    with alice.scope:
        job = Job.objects.get()
    assert job.params == PAIR
    assert (
        "<dt>Devices</dt><dd>2</dd>" in page.get(f"/models/jobs/{job.public_id}/").content.decode()
    )


def kill_rank_one(folder: Path, killed: list[int]) -> None:
    """Once the loops train, as the kernel would."""
    deadline = time.monotonic() + 120
    progress = folder / "progress.jsonl"
    while time.monotonic() < deadline:
        if progress.exists() and '"loss"' in progress.read_text():
            break
        time.sleep(0.05)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"training.engine.follow" in words and str(folder).encode() in words:
            killed.append(int(path.parent.name))
            os.kill(killed[0], signal.SIGKILL)
            return


def test_a_job_of_two_processes_that_lost_one_is_told_and_ends_well(
    stocked,
    settings,
    tmp_path,
):
    """The real engine on the real path: one long story, for each start takes seconds."""
    a_worker()
    settings.BASE_MODELS = [shop.tiny_base_model(tmp_path / "tiny")]
    params = {**shop.QUICK, **PAIR, "epochs": 16}
    job = start_job(stocked, base_model=settings.BASE_MODELS[0], params=params)
    folder = folder_of(job.tenant_id, job.id)
    killed: list[int] = []
    killer = threading.Thread(target=kill_rank_one, args=(folder, killed))
    killer.start()
    supervisor.run(queue.claim("gpu"))
    killer.join()
    assert killed, "rank 1 was never there"
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.failures) == (life.QUEUED, 1)
        died = JobEvent.objects.get(job=job, code="engine.died")
    assert died.params["status"] == -signal.SIGKILL
    WorkItem.objects.filter(kind="job").update(run_at="2020-01-01T00:00:00Z")
    run_waiting("gpu")
    with stocked.scope:
        job.refresh_from_db()
        assert job.state == life.SUCCEEDED, job.error
        version = Version.objects.get(job=job)
        assert (version.manifest["devices"], card_of(version)["devices"]) == (2, 2)
        assert _order(job, version.manifest)["params"]["devices"] == 2
    record = read_record(folder)
    assert record is not None and record["devices"] == 2


def test_a_worker_tells_how_many_gpus_it_sees(db, monkeypatch):
    monkeypatch.setattr(devices, "probe", lambda: ("cuda:0", "NVIDIA H100", 8))
    devices.tell("gpu@here", 4)
    device = Device.objects.get()
    assert (device.gpus, device.widest, devices.widest()) == (8, 4, 4)
    devices.check_fits(4)
    with pytest.raises(AppError):
        devices.check_fits(5)
