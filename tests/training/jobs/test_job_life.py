"""The life of a job: what may follow what, and what a person may ask of it."""

import pytest
from django.db import connection, utils

from tenants.audit.models import AuditDetail
from tenants.errors import Conflict, NotFound
from tenants.work import queue
from tenants.work.models import WorkItem
from tenants.work.run import run_waiting
from tests.training.jobs.test_supervisor import stand_in, start_job
from training.jobs import life, supervisor
from training.jobs.control import cancel_job, pause_job, resume_job
from training.jobs.models import Job, JobEvent, Snapshot, Version
from training.jobs.moves import move

# Trains until it is told to stop, and keeps what it reached.
STEPS = """
import signal, time, os
def stop(*_):
    open(FOLDER + '/checkpoint', 'a').write('x'); sys.exit(75)
signal.signal(15, stop)
open(FOLDER + '/progress.jsonl', 'a').write('{"fraction": 0.5}\\n')
open(FOLDER + '/ready', 'w').close()
time.sleep(60)
"""


def a_job(business, state: str) -> Job:
    with business.scope:
        return Job.objects.create(base_model="tiny", actor_ref="x", state=state)


@pytest.mark.parametrize("state", life.STATES)
def test_the_database_lets_a_job_move_along_the_table_of_its_life_alone(alice, state):
    for after in life.STATES:
        job = a_job(alice, state)
        with alice.scope:
            allowed = after in life.MOVES[state] or after == state
            try:
                Job.objects.filter(pk=job.pk).update(state=after)
            except utils.IntegrityError:
                connection.set_rollback(True)
                assert not allowed, f"{state} -> {after} is refused"
            else:
                assert allowed, f"{state} -> {after} passes"


def test_an_ended_job_is_asked_nothing_any_more(alice):
    for state in life.ENDED:
        job = a_job(alice, state)
        for ask in (cancel_job, pause_job, resume_job):
            with alice.scope, pytest.raises(Conflict):
                ask(job_id=job.id, actor=alice.actor)
        with alice.scope:
            assert Job.objects.get(pk=job.pk).state == state
            assert not JobEvent.objects.filter(job=job).exists()


def test_another_tenants_job_reads_as_missing(alice, bob):
    job = a_job(alice, life.QUEUED)
    for ask in (cancel_job, pause_job, resume_job):
        with bob.scope, pytest.raises(NotFound):
            ask(job_id=job.id, actor=bob.actor)
    with alice.scope:
        assert Job.objects.get(pk=job.pk).state == life.QUEUED


def test_a_wrong_move_is_a_mistake_of_ours(alice):
    job = a_job(alice, life.QUEUED)
    with alice.scope, pytest.raises(ValueError, match="queued does not become succeeded"):
        move(job, life.SUCCEEDED)


def test_a_waiting_job_is_cancelled_at_once_and_never_runs(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, "sys.exit(1)")
    with stocked.scope:
        cancel_job(job_id=job.id, actor=stocked.actor)
    run_waiting("gpu")
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.attempts, job.finished_at is None) == (life.CANCELLED, 0, False)
        told = AuditDetail.objects.get(entry__action="job.asked")
        assert told.details == {"asked": "cancel", "state": "queued"}
        ended = AuditDetail.objects.get(entry__action="job.finished")
        assert ended.details == {"state": "cancelled", "code": "", "attempts": 0}
        assert ended.entry.actor_type == stocked.actor.type


def when_ready(monkeypatch, business, job: Job, ask) -> None:
    """Ask this of the job as soon as its engine has begun: the next look finds it."""
    look, asks = supervisor._check_asked, [ask]

    def looked(lease) -> None:
        ready = supervisor.folder_of(business.tenant.id, job.id) / "ready"
        if asks and ready.exists():
            with business.scope:
                asks.pop()(job_id=job.id, actor=business.actor)
        look(lease)

    monkeypatch.setattr(supervisor, "_check_asked", looked)


def test_a_running_job_is_cancelled_and_nothing_of_it_is_kept(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, STEPS)
    when_ready(monkeypatch, stocked, job, cancel_job)
    supervisor.run(queue.claim("gpu"))
    assert not supervisor.folder_of(stocked.tenant.id, job.id).exists()
    assert WorkItem.objects.get(kind="job").state == WorkItem.DONE
    with stocked.scope:
        job.refresh_from_db()
        assert job.state == life.CANCELLED
        assert Snapshot.objects.get(pk=job.snapshot_id).destroyed_at
        assert not Version.objects.exists()
        told = JobEvent.objects.filter(job=job).order_by("id").values_list("code", flat=True)
        assert list(told)[-3:] == ["job.running", "job.cancelling", "job.cancelled"]


def test_a_paused_job_keeps_what_it_reached_and_goes_on_when_resumed(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, STEPS)
    when_ready(monkeypatch, stocked, job, pause_job)
    supervisor.run(queue.claim("gpu"))
    kept = supervisor.folder_of(stocked.tenant.id, job.id) / "checkpoint"
    assert kept.read_text() == "x"
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.failures) == (life.PAUSED, 0)
        assert job.device_seconds > 0
    assert queue.claim("gpu") is None
    with stocked.scope:
        resume_job(job_id=job.id, actor=stocked.actor)
    stand_in(monkeypatch, "import os; assert os.path.exists(FOLDER + '/checkpoint'); sys.exit(75)")
    supervisor.run(queue.claim("gpu"))
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.attempts, job.failures) == (life.QUEUED, 2, 0)


@pytest.mark.parametrize(
    ("asked", "ends"), [(cancel_job, life.CANCELLED), (pause_job, life.PAUSED)]
)
def test_what_was_asked_of_a_run_whose_worker_died_is_done_by_the_next(
    stocked,
    monkeypatch,
    asked,
    ends,
):
    job = start_job(stocked)
    with stocked.scope:
        Job.objects.filter(pk=job.pk).update(state=life.RUNNING)
        asked(job_id=job.id, actor=stocked.actor)
    stand_in(monkeypatch, "sys.exit(1)")
    supervisor.run(queue.claim("gpu"))
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.failures) == (ends, 0)


def test_a_job_is_checked_before_it_waits_and_says_what_it_will_take(stocked):
    job = start_job(stocked)
    with stocked.scope:
        job.refresh_from_db()
        assert job.state == life.QUEUED
        assert job.estimate["events"] > 0
        assert job.estimate["device_seconds"] > 0
        assert job.estimate["from"] == "usual"


def test_of_a_paused_job_that_is_cancelled_nothing_is_kept(
    stocked,
    monkeypatch,
    django_capture_on_commit_callbacks,
):
    job = start_job(stocked)
    stand_in(monkeypatch, STEPS)
    when_ready(monkeypatch, stocked, job, pause_job)
    supervisor.run(queue.claim("gpu"))
    folder = supervisor.folder_of(stocked.tenant.id, job.id)
    assert (folder / "events.parquet").exists()
    with django_capture_on_commit_callbacks(execute=True), stocked.scope:
        cancel_job(job_id=job.id, actor=stocked.actor)
    assert not folder.exists()
    with stocked.scope:
        job.refresh_from_db()
        assert job.state == life.CANCELLED
        assert Snapshot.objects.get(pk=job.snapshot_id).destroyed_at


def test_a_run_that_fails_while_it_is_cancelled_leaves_no_data_behind(stocked, monkeypatch):
    job = start_job(stocked)
    failing = """open(FOLDER + '/error.json', 'w').write('{"code": "bad_job"}'); sys.exit(2)"""
    stand_in(monkeypatch, failing)
    end = supervisor._conclude

    def cancelled_meanwhile(lease, status, folder) -> None:
        with stocked.scope:
            cancel_job(job_id=job.id, actor=stocked.actor)
        end(lease, status, folder)

    monkeypatch.setattr(supervisor, "_conclude", cancelled_meanwhile)
    supervisor.run(queue.claim("gpu"))
    with stocked.scope:
        job.refresh_from_db()
        assert job.state == life.CANCELLED
    assert not supervisor.folder_of(stocked.tenant.id, job.id).exists()
