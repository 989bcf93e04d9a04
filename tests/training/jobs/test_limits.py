"""What a plan allows of jobs: how many wait, how many run, and the month's device-seconds."""

import pytest
from django.test import Client

from tenants.accounts.life import set_limits
from tenants.accounts.plans import PLANS, limits_of
from tenants.audit.actor import system
from tenants.errors import Conflict, TooMany
from tenants.metering.meters import DEVICE
from tenants.metering.queries import check_room, reserved, used
from tenants.metering.record import count
from tenants.work import queue
from tenants.work.models import WorkItem, WorkShare
from tenants.work.run import run_waiting
from tests.training.jobs.job_requests import ask, error_of, traces
from tests.training.jobs.test_supervisor import (
    OBEDIENT,
    at_renewal,
    stand_in,
    start_job,
)
from training.jobs import finishing, life, supervisor
from training.jobs.control import cancel_job, create_job, pause_job, resume_job
from training.jobs.models import Job

LIMIT = limits_of("standard").device_seconds_per_month


def waiting_jobs(business, number: int, state: str = life.QUEUED, **values: object) -> None:
    with business.scope:
        for _ in range(number):
            Job.objects.create(base_model="tiny", actor_ref="x", state=state, **values)


def jobs_of(business) -> int:
    with business.scope:
        return Job.objects.count()


def use(business, seconds: float) -> None:
    with business.scope:
        count(DEVICE, seconds)


def held(business) -> float:
    with business.scope:
        return reserved(DEVICE)


@pytest.mark.parametrize("plan", sorted(PLANS))
@pytest.mark.parametrize("state", life.WAITING)
def test_no_more_jobs_wait_than_the_plan_allows(alice, plan, state):
    with alice.scope:
        set_limits(plan=plan, actor=system("operator"))
    most = PLANS[plan].jobs_queued
    waiting_jobs(alice, most - 1, state)
    with alice.scope:
        create_job(actor=alice.actor)
    with alice.scope, pytest.raises(Conflict) as refused:
        create_job(actor=alice.actor)
    assert (refused.value.code, refused.value.params) == ("jobs_queued", {"most": most})
    assert jobs_of(alice) == most


def test_what_runs_or_has_ended_takes_no_place_in_the_line(alice):
    for state in (*life.UNDER_WAY, *life.ENDED):
        waiting_jobs(alice, 5, state)
    with alice.scope:
        assert create_job(actor=alice.actor).state == life.VALIDATING


def test_another_tenants_line_is_its_own(alice, bob):
    waiting_jobs(bob, 5)
    with alice.scope:
        create_job(actor=alice.actor)
    assert jobs_of(alice) == 1


def test_a_tenant_runs_as_many_jobs_as_its_plan_says(stocked):
    start_job(stocked)
    start_job(stocked)
    first = queue.claim("gpu")
    assert first is not None
    assert queue.claim("gpu") is None
    with stocked.scope:
        set_limits(plan="large", actor=system("operator"))
    assert queue.claim("gpu") is not None


def test_a_queued_job_reserves_what_it_will_probably_use(stocked):
    job = start_job(stocked)
    with stocked.scope:
        job.refresh_from_db()
        assert reserved(DEVICE) == job.estimate["device_seconds"] > 0
        assert WorkItem.objects.get(kind="job").expected == job.estimate["device_seconds"]
        Job.objects.update(device_seconds=5.0)
        assert reserved(DEVICE) == pytest.approx(job.estimate["device_seconds"] - 5.0)
        Job.objects.update(device_seconds=1e6)
        assert reserved(DEVICE) == 0.0


def test_the_reservation_of_a_tenant_is_nobody_elses(stocked, bob):
    start_job(stocked)
    assert held(stocked) > 0
    assert held(bob) == 0.0


def test_a_job_that_would_pass_the_month_is_refused_when_it_is_checked(stocked):
    use(stocked, LIMIT - 10)
    job = start_job(stocked)
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.error["code"]) == (life.FAILED, "over_budget")
        assert job.error["params"]["used"] == LIMIT - 10
        assert reserved(DEVICE) == 0.0
    assert not WorkItem.objects.filter(kind="job").exists()


def test_two_jobs_do_not_reserve_the_same_seconds(stocked):
    first = start_job(stocked)
    with stocked.scope:
        first.refresh_from_db()
    use(stocked, LIMIT - 1.5 * first.estimate["device_seconds"])
    second = start_job(stocked)
    with stocked.scope:
        second.refresh_from_db()
        assert (second.state, second.error["code"]) == (life.FAILED, "over_budget")
        assert second.error["params"]["reserved"] == round(first.estimate["device_seconds"])


def test_a_month_that_is_reserved_to_the_last_second_takes_no_new_job(alice):
    waiting_jobs(alice, 1, estimate={"device_seconds": float(LIMIT)})
    with alice.scope, pytest.raises(TooMany) as refused:
        create_job(actor=alice.actor)
    assert (refused.value.code, refused.value.params["reserved"]) == ("over_budget", LIMIT)
    assert jobs_of(alice) == 1


def test_room_is_what_neither_used_nor_reserved_takes(alice):
    use(alice, LIMIT - 100)
    waiting_jobs(alice, 1, estimate={"device_seconds": 60.0})
    with alice.scope:
        check_room(DEVICE, 40)
        with pytest.raises(TooMany):
            check_room(DEVICE, 40.5)


def test_cancelling_releases_the_reservation(stocked):
    job = start_job(stocked)
    assert held(stocked) > 0
    with stocked.scope:
        cancel_job(job_id=job.id, actor=stocked.actor)
    assert held(stocked) == 0.0


def test_cancelling_a_run_settles_what_it_used(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, OBEDIENT)

    def cancel() -> None:
        with stocked.scope:
            cancel_job(job_id=job.id, actor=stocked.actor)

    at_renewal(monkeypatch, cancel)
    supervisor.run(queue.claim("gpu"))
    assert held(stocked) == 0.0
    with stocked.scope:
        job.refresh_from_db()
        assert used([DEVICE])[DEVICE] == pytest.approx(job.device_seconds)
        assert job.device_seconds > 0


def test_a_failure_releases_the_reservation(stocked, monkeypatch):
    start_job(stocked)
    stand_in(
        monkeypatch, "open(FOLDER + '/error.json', 'w').write('{\"code\": \"x\"}'); sys.exit(2)"
    )
    run_waiting("gpu")
    with stocked.scope:
        assert Job.objects.get().state == life.FAILED
    assert held(stocked) == 0.0


def test_success_releases_the_reservation(stocked, monkeypatch):
    """What the version is made of is not the matter here."""
    job = start_job(stocked)
    monkeypatch.setattr(finishing.artifacts, "put", lambda *_: ({}, b"", 0))
    monkeypatch.setattr(finishing, "_make_version", lambda *_: None)
    monkeypatch.setattr(finishing, "_publish_if_approved", lambda _: None)
    stand_in(monkeypatch, "sys.exit(0)")
    run_waiting("gpu")
    with stocked.scope:
        job.refresh_from_db()
        assert job.state == life.SUCCEEDED
    assert held(stocked) == 0.0


def test_a_paused_job_keeps_its_reservation_and_its_place(stocked):
    job = start_job(stocked)
    before = held(stocked)
    with stocked.scope:
        pause_job(job_id=job.id, actor=stocked.actor)
    assert held(stocked) == before > 0
    with stocked.scope:
        resume_job(job_id=job.id, actor=stocked.actor)
    assert WorkItem.objects.get(kind="job", state="waiting").expected == before


def test_a_resume_asks_the_budget_again_and_a_refused_one_changes_nothing(stocked):
    job = start_job(stocked)
    with stocked.scope:
        pause_job(job_id=job.id, actor=stocked.actor)
        job.refresh_from_db()
    left = job.estimate["device_seconds"]
    WorkItem.objects.filter(kind="job").update(state=WorkItem.DONE)
    for spent, code in ((LIMIT - left / 2, "over_budget"), (left / 2, "quota_exceeded")):
        use(stocked, spent)
        before = traces(stocked)
        reply = ask(stocked, job.public_id, "resume")
        assert error_of(reply) == (429, code, None)
        assert traces(stocked) == before
        with stocked.scope:
            job.refresh_from_db()
        assert job.state == life.PAUSED
    assert "ask the installation" in reply.json()["error"]["message"]
    assert held(stocked) == left


def test_what_a_paused_job_reserves_is_its_own_when_it_goes_on(stocked):
    job = start_job(stocked)
    with stocked.scope:
        pause_job(job_id=job.id, actor=stocked.actor)
        job.refresh_from_db()
    use(stocked, LIMIT - job.estimate["device_seconds"] - 1.0)
    assert ask(stocked, job.public_id, "resume").status_code == 200


def test_a_run_is_charged_to_its_tenants_account(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, f"import time; time.sleep(0.3); sys.exit({supervisor.CHECKPOINTED})")
    supervisor.run(queue.claim("gpu"))
    with stocked.scope:
        job.refresh_from_db()
    share = WorkShare.objects.get(tenant_id=stocked.tenant.id, queue="gpu")
    assert share.served == pytest.approx(job.device_seconds)
    assert share.served > 0.3
    assert WorkItem.objects.get(kind="job").expected == pytest.approx(held(stocked))


def test_usage_says_what_is_reserved(stocked):
    job = start_job(stocked)
    with stocked.scope:
        job.refresh_from_db()
    answer = Client().get("/v1/usage", headers=stocked.headers).json()
    meters = {line["meter"]: line for line in answer["data"]}
    assert meters["device_seconds"]["reserved"] == job.estimate["device_seconds"]
    assert {line["reserved"] for name, line in meters.items() if name != "device_seconds"} == {0.0}
    page = stocked.browser().get("/usage/").content.decode()
    assert "reserved for open jobs" in page


def test_a_full_line_is_said_before_anybody_starts_a_job(alice):
    page = alice.browser()
    assert "As many jobs wait" not in page.get("/models/").content.decode()
    waiting_jobs(alice, 5)
    assert "As many jobs wait as your plan allows" in page.get("/models/").content.decode()
    refused = page.post("/models/jobs/start/", {
        "base_model": "all-MiniLM-L6-v2", "method": "lora", "seed": 0,
    })  # fmt: skip
    assert refused.status_code == 422
    assert "5 of your jobs wait already" in refused.content.decode()
    assert jobs_of(alice) == 5
