"""A run that is to end or rest while nobody works on it does so at once, not when its turn is."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tenants.work import queue
from tenants.work.models import WorkItem
from tests.training.jobs.test_job_life import a_job
from training.jobs import life
from training.jobs.control import cancel_job, pause_job
from training.jobs.models import Job

ASKS = [(cancel_job, life.CANCELLED), (pause_job, life.PAUSED)]


@pytest.fixture
def run(alice, bob):
    """Alice's run that a worker has, behind it one of Bob's whose turn is next."""
    job = a_job(alice, life.RUNNING)
    queue.enqueue("job", tenant_id=alice.tenant.id, object_id=job.id)
    lease = queue.claim("gpu")
    assert lease.object_id == job.id
    queue.enqueue("job", tenant_id=bob.tenant.id, object_id=a_job(bob, life.QUEUED).id)
    return job


def asked(business, job: Job, ask) -> str:
    with business.scope:
        ask(job_id=job.id, actor=business.actor)
    return state_of(business, job)


def state_of(business, job: Job) -> str:
    with business.scope:
        return Job.objects.get(pk=job.pk).state


def worker_dies() -> None:
    WorkItem.objects.filter(state=WorkItem.RUNNING).update(lease_until=now() - timedelta(seconds=1))
    queue.reap()


def item(job: Job) -> WorkItem:
    return WorkItem.objects.get(object_id=job.id)


@pytest.mark.parametrize(("ask", "state"), ASKS)
def test_what_was_asked_before_its_worker_died_is_done_when_that_is_seen(alice, run, ask, state):
    asked(alice, run, ask)
    worker_dies()
    assert (state_of(alice, run), item(run).state) == (state, WorkItem.DONE)


@pytest.mark.parametrize(("ask", "state"), ASKS)
def test_what_is_asked_of_a_run_that_waits_for_its_next_worker_is_done_at_once(
    alice, run, ask, state, django_capture_on_commit_callbacks
):
    worker_dies()
    assert (state_of(alice, run), item(run).state) == (life.RUNNING, WorkItem.WAITING)
    with django_capture_on_commit_callbacks(execute=True):
        asked(alice, run, ask)
    assert (state_of(alice, run), item(run).state) == (state, WorkItem.DONE)


def test_a_run_that_a_worker_has_is_left_to_it(alice, run, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        assert asked(alice, run, cancel_job) == life.CANCELLING
    assert (state_of(alice, run), item(run).state) == (life.CANCELLING, WorkItem.RUNNING)


def test_a_run_of_which_nothing_was_asked_waits_for_its_turn(alice, run):
    worker_dies()
    assert (state_of(alice, run), item(run).state) == (life.RUNNING, WorkItem.WAITING)
    assert item(run).lease_token == 1


def test_a_trouble_with_one_item_keeps_no_other_from_its_queue(alice, run, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("training.jobs.settling.settle", broken)
    asked(alice, run, cancel_job)
    worker_dies()
    assert (state_of(alice, run), item(run).state) == (life.CANCELLING, WorkItem.WAITING)
