"""What is deleted by time waits for whoever writes meanwhile, and files go behind their row."""

from datetime import timedelta
from threading import Event

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils.timezone import now

from compliance.retention.choosing import choose_retention
from compliance.retention.expiring import expire_now
from tenants.consent.models import ConsentRecord, ConsentState
from tenants.consent.services import record_batch
from tenants.consent.vocabulary import ConsentEvent
from tenants.isolation import depot
from tenants.isolation.depot import StoreUnreachable
from tests.connections import in_threads, somebody_waits_for_us
from tests.tenants.consent.acts import act, archive
from tests.training.jobs.machines import make_machines
from training.jobs import carrying, child, life
from training.jobs.beginning import folder_of
from training.jobs.models import Job, Snapshot


@pytest.fixture(autouse=True)
def no_turn_taken():
    cache.clear()


def test_a_renewal_that_commits_while_old_records_are_deleted_keeps_its_state(committed):
    alice, written = committed("Alice"), Event()
    archive(alice)
    over = now() - timedelta(days=1)
    with alice.scope:
        record_batch(acts=[act("u1", ConsentEvent.GIVEN, 1, retention_until=over)])

    def renew() -> bool:
        with alice.scope:
            record_batch(acts=[act("u1", ConsentEvent.RENEWED, 2)])
            written.set()
            return somebody_waits_for_us()

    def delete() -> bool:
        assert written.wait(20)
        return expire_now(alice.tenant.id) == {}

    assert in_threads([renew, delete]) == [True, True]
    with alice.scope:
        newest = ConsentRecord.objects.get(event="renewed")
        state = ConsentState.objects.get()
        assert (state.state, state.record_id) == ("given", newest.id)


@pytest.fixture
def frozen(alice, settings, tmp_path):
    """Alice keeps frozen data for 30 days and has three jobs that ended before, with folders."""
    settings.JOB_ROOT = tmp_path / "jobs"
    with alice.scope:
        choose_retention(days={"training_data": 30}, actor=alice.actor)
    return alice, [ended(alice, age) for age in (50, 40, 31)]


def ended(business, days_ago: int, snapshot: Snapshot | None = None) -> Job:
    with business.scope:
        if snapshot is None:
            snapshot = Snapshot.objects.create(
                purpose="model_training", policy_version="test", sha256=b"x", events=1,
                subjects=1, items=1,
            )  # fmt: skip
        job = Job.objects.create(
            base_model="tiny", state=life.SUCCEEDED, snapshot=snapshot, actor_ref="x",
            finished_at=now() - timedelta(days=days_ago),
        )  # fmt: skip
    folder = folder_of(business.tenant.id, job.id)
    folder.mkdir(parents=True)
    (folder / "events.parquet").write_text("rows")
    return job


def lying(business, jobs: list[Job]) -> list[bool]:
    return [folder_of(business.tenant.id, job.id).exists() for job in jobs]


def destroyed(business, jobs: list[Job]) -> list[bool]:
    with business.scope:
        found = Job.objects.select_related("snapshot").in_bulk([job.id for job in jobs])
    return [found[job.id].snapshot.destroyed_at is not None for job in jobs]


def test_frozen_data_go_with_their_files_and_none_on_which_a_newer_job_rests(frozen):
    alice, jobs = frozen
    jobs += [ended(alice, 29), ended(alice, 60)]
    jobs.append(ended(alice, 2, snapshot_of(alice, jobs[-1])))
    assert expire_now(alice.tenant.id) == {"training_data": 3}
    assert lying(alice, jobs) == [False, False, False, True, True, True]
    assert destroyed(alice, jobs) == [True, True, True, False, False, False]
    assert expire_now(alice.tenant.id) == {}


def snapshot_of(business, job: Job) -> Snapshot:
    with business.scope:
        return Snapshot.objects.get(jobs=job)


def test_frozen_data_that_cannot_go_now_hold_no_others_up_and_go_an_hour_later(frozen, monkeypatch):
    alice, jobs = frozen
    oldest = folder_of(alice.tenant.id, jobs[0].id)
    with monkeypatch.context() as patch:
        patch.setattr(child, "is_occupied", lambda folder: folder == oldest)
        assert expire_now(alice.tenant.id) == {"training_data": 3}
    assert lying(alice, jobs) == [True, False, False]
    assert destroyed(alice, jobs) == [True] * 3
    with alice.scope:  # even where the tenant keeps the class for good from now on
        choose_retention(days={"training_data": None}, actor=alice.actor)
    assert expire_now(alice.tenant.id) == {}
    assert lying(alice, jobs) == [False] * 3


def test_no_file_goes_before_the_row_that_says_so_is_committed(frozen, monkeypatch):
    """What a rollback brings back in the table must still be there."""
    alice, _ = frozen
    open_then, forget = [], carrying.forget
    depth = len(connection.savepoint_ids)

    def look(tenant_id, job_id):
        open_then.append(len(connection.savepoint_ids) - depth)
        forget(tenant_id, job_id)

    monkeypatch.setattr(carrying, "forget", look)
    expire_now(alice.tenant.id)
    assert open_then == [0, 0, 0]


def test_what_the_store_could_not_be_told_goes_an_hour_later(
    frozen, settings, tmp_path, monkeypatch
):
    alice, jobs = frozen
    machines = make_machines(settings, tmp_path, f"file://{tmp_path / 'store'}")
    sealed = tmp_path / "sealed"
    sealed.write_bytes(b"sealed")
    for job in jobs:
        depot.upload(sealed, alice.tenant.id, "jobs", str(job.id), "data-78")
    forget = carrying.forget

    def away(tenant_id, job_id):
        if job_id == jobs[0].id:
            raise StoreUnreachable("away")
        forget(tenant_id, job_id)

    with monkeypatch.context() as patch:
        patch.setattr(carrying, "forget", away)
        assert expire_now(alice.tenant.id) == {"training_data": 3}
    assert set(machines.files(alice, "jobs")) == {f"{jobs[0].id}/data-78"}
    assert expire_now(alice.tenant.id) == {}
    assert machines.files(alice, "jobs") == {}
