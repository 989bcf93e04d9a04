"""Processing that is interrupted goes on where it was: nothing is lost and nothing counts twice."""

import functools

import pytest
from django.utils.timezone import now

from tenants.accounts.life import resume_tenant, suspend_tenant
from tenants.audit.actor import system
from tenants.behaviour.arriving import vault
from tenants.behaviour.models import Upload
from tenants.behaviour.processing import ingest, working
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.reading.tables import Limits
from tenants.work import queue
from tenants.work.models import WorkItem
from tenants.work.queue import LeaseLost
from tenants.work.run import run_waiting
from tests.tenants.behaviour.behaviour_files import parquet_file
from tests.tenants.behaviour.uploads import (
    accept,
    adds_up,
    agree,
    events,
    fresh,
    lose_the_worker,
    outcomes,
    stored,
)

MANY = parquet_file(
    {
        "user_id": [f"u{n % 7}" for n in range(25)],
        "item_id": [f"i{n % 5}" for n in range(25)],
        "type": ["view"] * 25,
        "occurred_at": [f"2026-03-{1 + n:02d}T10:00:00Z" for n in range(25)],
    }
)
USERS = [f"u{n}" for n in range(7)]


@pytest.fixture
def small_batches(monkeypatch):
    """Ten rows at a time."""
    small = functools.partial(open_table, limits=Limits(batch_rows=10))
    monkeypatch.setattr(working, "open_table", small)


class Killed(BaseException):
    """Ends a worker as SIGKILL would: nothing catches it."""


def test_a_worker_killed_between_batches_is_resumed_and_counts_nothing_twice(
    alice, small_batches, monkeypatch
):
    agree(alice, *USERS)
    upload = accept(alice, MANY)
    land, calls = ingest._land, []

    def dies_at_the_second(lease, upload, kind, plan, number, cleaned):
        calls.append(number)
        if number == 1:
            raise Killed
        land(lease, upload, kind, plan, number, cleaned)

    monkeypatch.setattr(ingest, "_land", dies_at_the_second)
    with pytest.raises(Killed):
        run_waiting("default")
    assert (fresh(alice, upload).state, fresh(alice, upload).rows_done) == ("running", 10)
    assert len(stored(alice)) == 10
    monkeypatch.setattr(ingest, "_land", lambda *a: (calls.append(a[4]), land(*a)))
    lose_the_worker()
    queue.reap()
    run_waiting("default")
    done = fresh(alice, upload)
    assert calls == [0, 1, 1, 2]
    assert (done.state, done.report["accepted"], done.report["subjects_seen"]) == ("done", 25, 7)
    assert (done.report["items_created"], adds_up(done)) == (5, True)
    assert len(stored(alice)) == 25
    assert outcomes(done) == {}


def test_a_worker_killed_inside_a_batch_leaves_nothing_of_it(alice, small_batches, monkeypatch):
    agree(alice, *USERS)
    upload = accept(alice, MANY)
    save = Upload.save

    def dies(self, *args, **kwargs):
        if "report" in (kwargs.get("update_fields") or ()):
            raise Killed
        save(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Upload, "save", dies)
        with pytest.raises(Killed):
            run_waiting("default")
    assert stored(alice) == []
    lose_the_worker()
    queue.reap()
    run_waiting("default")
    assert fresh(alice, upload).report["accepted"] == 25
    assert len(stored(alice)) == 25


def test_a_suspended_tenants_upload_stops_between_batches_and_goes_on_later(
    alice, small_batches, monkeypatch
):
    agree(alice, *USERS)
    upload = accept(alice, MANY)
    operator, land, landed = system("operator"), ingest._land, []

    def suspends(lease, upload, kind, plan, number, cleaned):
        land(lease, upload, kind, plan, number, cleaned)
        landed.append(number)
        if len(landed) == 1:
            suspend_tenant(tenant_id=alice.tenant.id, reason="Unpaid.", actor=operator)

    monkeypatch.setattr(ingest, "_land", suspends)
    run_waiting("default")
    assert (fresh(alice, upload).state, fresh(alice, upload).rows_done) == ("running", 10)
    assert len(stored(alice)) == 10
    item = WorkItem.objects.get(object_id=upload.id)
    assert (item.state, item.attempts, item.run_at > now()) == (WorkItem.WAITING, 0, True)
    resume_tenant(tenant_id=alice.tenant.id, actor=operator)
    WorkItem.objects.filter(pk=item.pk).update(run_at=item.created_at)
    run_waiting("default")
    done = fresh(alice, upload)
    assert landed == [0, 1, 2]
    assert (done.state, done.report["accepted"], adds_up(done)) == ("done", 25, True)
    assert len(stored(alice)) == 25


def test_a_worker_that_lost_its_lease_stores_nothing(alice, monkeypatch):
    agree(alice, "u1")
    upload = accept(alice, events(("u1", "i1", "01")))
    opened = vault.opened

    def robbed(*args):
        WorkItem.objects.filter(object_id=upload.id).update(lease_token=99)
        return opened(*args)

    monkeypatch.setattr(vault, "opened", robbed)
    lease = queue.claim("default")
    while lease.object_id != upload.id:
        queue.finish(lease)
        lease = queue.claim("default")
    with pytest.raises(LeaseLost):
        ingest.run(lease)
    assert stored(alice) == []
    assert fresh(alice, upload).report == {}


def test_processing_that_keeps_dying_ends_with_a_reason(alice):
    upload = accept(alice, events(("u1", "i1", "01")))
    WorkItem.objects.filter(object_id=upload.id).update(attempts=working.ATTEMPTS)
    run_waiting("default")
    assert fresh(alice, upload).error == {"code": "crashed", "params": {}}
