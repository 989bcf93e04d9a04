"""The fleet page: devices, slots, own jobs with their expected start, and nothing of others."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils.timezone import now

from tenants.work import queue
from tenants.work.models import WorkItem, WorkShare
from tenants.work.owners import this_worker
from tests.platform.dashboard.test_pages import text_of
from training.jobs import devices, life
from training.jobs.fleet import fleet
from training.jobs.foreseeing import Machine, Running, Turn, Waiting, turns
from training.jobs.models import Device, Job


def a_device(worker: str = "gpu@one", **values: object) -> Device:
    known = {"owner": this_worker(), "host": "machine-of-ours", "device": "cuda:0",
             "model": "NVIDIA H100", "slots": 1, "last_seen": now()}  # fmt: skip
    return Device.objects.create(worker=worker, **known | values)


def a_job(business, name: str = "", expected: float = 600.0) -> Job:
    """A queued job and its place in the line."""
    with business.scope:
        job = Job.objects.create(
            name=name,
            base_model="tiny",
            actor_ref="x",
            state=life.QUEUED,
            estimate={"device_seconds": expected},
        )
        queue.enqueue("job", tenant_id=business.tenant.id, object_id=job.id, expected=expected)
    return job


def seconds_until(moment) -> float:
    return (moment - now()).total_seconds()


def test_without_a_worker_the_page_says_what_to_do(pages):
    text = text_of(pages("/fleet/"))
    assert "No device yet" in text
    assert "None of your jobs waits" in text
    assert "0 jobs of other businesses wait too" in text


def test_a_device_shows_what_it_is_and_what_is_free(pages):
    a_device(slots=2)
    text = text_of(pages("/fleet/"))
    assert "cuda:0 NVIDIA H100 Free nothing 2 of 2" in text
    assert "machine-of-ours" not in text


def test_the_own_job_is_named_where_it_runs(alice, pages):
    a_device()
    job = a_job(alice, "Spring")
    queue.claim("gpu")
    page = pages("/fleet/")
    assert "Busy Spring 0 of 1" in text_of(page)
    assert f"/models/jobs/{job.public_id}/" in page.content.decode()


def test_another_tenants_job_is_a_taken_slot_and_nothing_more(alice, bob, pages):
    a_device()
    foreign = a_job(bob, "Secret plan", expected=321.0)
    queue.claim("gpu")
    waiting = a_job(bob, "Second secret", expected=1234.0)
    for htmx in (False, True):
        page = pages("/fleet/", htmx=htmx)
        html = page.content.decode()
        assert "another business’s job 0 of 1" in text_of(page)
        assert "1 job of other businesses waits too" in text_of(page)
        for told in ("ecret", foreign.public_id, waiting.public_id, str(bob.tenant.id), "Bob"):
            assert told not in html
    with alice.scope:
        found = fleet()
    assert (found.line, found.others_waiting, found.places[0].others) == ((), 1, 1)
    assert found.places[0].own == ()


def test_own_jobs_have_a_place_and_an_expected_start_behind_those_of_others(alice, bob, pages):
    a_device()
    a_job(bob, expected=300.0)
    queue.claim("gpu")
    a_job(bob, expected=1000.0)
    a_job(alice, "Mine", expected=600.0)
    with alice.scope:
        found = fleet()
    (mine,) = found.line
    assert mine.place == 1, "who was served least comes first, and Bob holds a device already"
    assert seconds_until(mine.starts_at) == pytest.approx(300, abs=5)
    with bob.scope:
        (second,) = fleet().line
    assert seconds_until(second.starts_at) == pytest.approx(900, abs=5)
    assert "Mine" in text_of(pages("/fleet/"))


def test_what_a_run_takes_moves_the_expected_start(alice, bob):
    a_device()
    a_job(bob, expected=300.0)
    lease = queue.claim("gpu")
    a_job(alice)
    queue.charge(lease, 200.0, left=100.0)
    with alice.scope:
        (mine,) = fleet().line
    assert seconds_until(mine.starts_at) == pytest.approx(100, abs=5)


def test_a_worker_that_is_silent_is_missed_and_counts_no_slot(alice, pages):
    a_device(last_seen=now() - timedelta(minutes=5))
    a_job(alice, "Mine")
    text = text_of(pages("/fleet/"))
    assert "Not seen" in text
    assert "0 of 1" in text
    assert "not to be foreseen yet" in text


def test_a_worker_tells_of_itself_and_leaves(db, monkeypatch):
    monkeypatch.setattr(devices, "probe", lambda: ("cpu", "two cores", 0))
    a_device("gpu@old", last_seen=now() - timedelta(days=2))
    devices.tell("gpu@here", 2)
    devices.tell("gpu@here", 3)
    device = Device.objects.get()
    assert (device.worker, device.device, device.model, device.slots) == (
        "gpu@here", "cpu", "two cores", 3,
    )  # fmt: skip
    assert devices.of_this_worker() == "cpu"
    devices.leave("gpu@other")
    assert Device.objects.exists()
    devices.leave("gpu@here")
    assert not Device.objects.exists()
    assert devices.of_this_worker() == ""


def test_the_forecast_takes_turns_as_the_queue_does(db):
    """The statement that claims and the forecast rank alike, weights and waiting included."""
    tenants = [uuid4() for _ in range(4)]
    for index, tenant_id in enumerate(tenants):
        WorkShare.objects.create(
            tenant_id=tenant_id, queue="gpu", served=100.0 * index, weight=1.0 + index, at_once=1
        )
        for age in range(3):
            WorkItem.objects.create(
                tenant_id=tenant_id,
                kind="job",
                object_id=uuid4(),
                queue="gpu",
                expected=90.0 + index,
                run_at=now() - timedelta(seconds=700 * index + 10 * age),
            )
    shares = {share.tenant_id: share for share in WorkShare.objects.all()}
    waiting = [
        Waiting(
            item.pk,
            item.tenant_id,
            item.expected,
            (now() - item.run_at).total_seconds(),
            shares[item.tenant_id].served,
            shares[item.tenant_id].weight,
            1,
        )
        for item in WorkItem.objects.all()
    ]
    foreseen = turns([Machine(1, 1)], [], waiting)
    claimed = []
    while lease := queue.claim("gpu"):
        claimed.append(lease.item_id)
        queue.charge(lease, WorkItem.objects.get(pk=lease.item_id).expected)
        queue.finish(lease)
    assert sorted(foreseen, key=lambda item: foreseen[item].place) == claimed
    assert len(claimed) == 12


def test_the_forecast_fills_every_slot_and_respects_the_number_of_each_tenant():
    one, two = uuid4(), uuid4()
    waiting = [
        Waiting(1, one, 50.0, 9.0, 0.0, 1.0, 1),
        Waiting(2, one, 50.0, 8.0, 0.0, 1.0, 1),
        Waiting(3, two, 80.0, 7.0, 0.0, 1.0, 1),
    ]
    one_of_two = [Machine(2, 2)]
    assert turns(one_of_two, [], waiting) == {1: Turn(1, 0.0), 3: Turn(2, 0.0), 2: Turn(3, 50.0)}
    assert turns([Machine(1, 1)], [Running(two, 20.0)], waiting)[1] == Turn(1, 20.0)
    assert turns([], [], waiting) == {}


def test_the_forecast_keeps_slots_free_for_what_needs_several_of_one_machine():
    one, two, three = uuid4(), uuid4(), uuid4()
    wide = Waiting(1, one, 50.0, 9.0, 0.0, 1.0, 1, slots=2)
    narrow = Waiting(2, two, 30.0, 1.0, 500.0, 1.0, 1)
    here = [Machine(2, 2)]
    runs = [Running(three, 20.0)]
    assert turns(here, runs, [wide, narrow]) == {1: Turn(1, 20.0), 2: Turn(2, 70.0)}
    apart = [Machine(1, 1), Machine(1, 1)]
    assert turns(apart, [], [wide, narrow]) == {2: Turn(1, 0.0)}, "two machines are not one"
    assert turns([Machine(2, 1)], [], [wide]) == {}, "two slots of one GPU are not two GPUs"


def test_a_job_on_two_devices_takes_two_slots_of_its_worker(alice, pages):
    a_device(slots=2, gpus=2)
    with alice.scope:
        job = Job.objects.create(
            name="Wide", base_model="tiny", actor_ref="x", state=life.QUEUED,
            params={"devices": 2}, estimate={"device_seconds": 600.0},
        )  # fmt: skip
        queue.enqueue("job", tenant_id=alice.tenant.id, object_id=job.id, slots=2)
    assert queue.claim("gpu") is not None
    assert "Busy Wide 0 of 2" in text_of(pages("/fleet/"))
