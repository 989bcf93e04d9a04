"""Leased work: claimed once, fenced, given back, found again; rows are the truth."""

import random
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from celery import Celery, current_app
from django.db import OperationalError, connection, transaction
from django.utils.timezone import now

from tenants.work import queue, tasks
from tenants.work.kinds import WorkKind
from tenants.work.models import WorkItem
from tenants.work.queue import LeaseLost
from tests.connections import in_threads

# Printed by a process that is gone when its name is read.
THEIR_NAME = "from tenants.work.owners import this_worker; print(this_worker())"


@pytest.fixture(autouse=True)
def kinds(settings):
    """Two kinds of work of their own, so that no other queue is touched."""
    settings.WORK_KINDS = {
        "sweep": WorkKind("test", "tests.tenants.work.test_run.nothing", lease=30, attempts=3),
        "paint": WorkKind("test", "tests.tenants.work.test_run.nothing", lease=30, attempts=3),
    }


def put(kind: str = "sweep", **values: object) -> WorkItem:
    tenant_id = values.pop("tenant_id", None) or uuid4()
    queue.enqueue(kind, tenant_id=tenant_id, object_id=uuid4())
    item = WorkItem.objects.get(tenant_id=tenant_id)
    WorkItem.objects.filter(pk=item.pk).update(**values)
    return item


def only_item() -> WorkItem:
    return WorkItem.objects.get()


def run_out(lease: queue.Lease) -> None:
    """Let the lease lie as if its worker had died long ago."""
    WorkItem.objects.filter(pk=lease.item_id).update(lease_until=now() - timedelta(seconds=1))


def must_wait(write: Callable[[], object]) -> bool:
    """Whether `write` finds its row locked by somebody else."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("set local lock_timeout = '100ms'")
            write()
    except OperationalError as error:
        return "lock timeout" in str(error)
    return False


def test_work_is_claimed_in_the_order_of_its_arrival(db):
    first, second = put(), put("paint")
    leases = [queue.claim("test"), queue.claim("test"), queue.claim("test")]
    assert [lease and lease.item_id for lease in leases] == [first.id, second.id, None]
    assert [lease.kind for lease in leases if lease] == ["sweep", "paint"]


def test_the_same_work_waits_only_once(db):
    tenant_id, object_id = uuid4(), uuid4()
    for _ in range(3):
        queue.enqueue("sweep", tenant_id=tenant_id, object_id=object_id)
    assert WorkItem.objects.count() == 1
    queue.enqueue("paint", tenant_id=tenant_id, object_id=object_id)
    queue.enqueue("sweep", tenant_id=uuid4(), object_id=object_id)
    assert WorkItem.objects.count() == 3


def test_finished_work_can_be_asked_for_again(db):
    tenant_id, object_id = uuid4(), uuid4()
    queue.enqueue("sweep", tenant_id=tenant_id, object_id=object_id)
    queue.finish(queue.claim("test"))
    queue.enqueue("sweep", tenant_id=tenant_id, object_id=object_id)
    states = WorkItem.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == ["done", "waiting"]


def test_work_asked_for_while_it_runs_runs_once_more(db):
    """It may have looked before the change that it is asked to look at."""
    tenant_id, object_id = uuid4(), uuid4()
    queue.enqueue("sweep", tenant_id=tenant_id, object_id=object_id)
    first = queue.claim("test")
    for _ in range(2):
        queue.enqueue("sweep", tenant_id=tenant_id, object_id=object_id)
    queue.finish(first)
    second = queue.claim("test")
    assert (second.item_id, second.attempt) == (first.item_id, 1)
    queue.finish(second)
    assert only_item().state == WorkItem.DONE


def test_a_queue_does_not_see_the_work_of_another(db, settings):
    settings.WORK_KINDS = {
        **settings.WORK_KINDS,
        "train": WorkKind("other", "tests.tenants.work.test_run.nothing", lease=9, attempts=3),
    }
    put("train")
    assert queue.claim("test") is None
    assert queue.claim("other").kind == "train"


def test_work_of_a_kind_that_is_gone_does_not_block_the_queue(db, settings):
    put("paint")
    item = put("sweep")
    settings.WORK_KINDS = {"sweep": settings.WORK_KINDS["sweep"]}
    assert queue.claim("test").item_id == item.id


def test_work_is_not_claimed_before_its_time(db):
    put(run_at=now() + timedelta(minutes=1))
    assert queue.claim("test") is None


def test_finishing_says_done_or_why_it_failed(db):
    put()
    queue.finish(queue.claim("test"), code="file_gone")
    item = only_item()
    assert (item.state, item.code, item.lease_until) == ("failed", "file_gone", None)
    assert item.finished_at is not None


def test_whoever_lost_the_lease_can_write_nothing(db):
    put()
    lost = queue.claim("test")
    run_out(lost)
    assert queue.reap() == ["test"]
    mine = queue.claim("test")
    assert mine.token == lost.token + 1
    before = WorkItem.objects.values().get()
    for write in (
        queue.renew,
        queue.finish,
        queue.hold,
        lambda lease: queue.give_back(lease, charge=True),
    ):
        with pytest.raises(LeaseLost), transaction.atomic():
            write(lost)
    assert WorkItem.objects.values().get() == before
    queue.finish(mine)


def test_a_lease_that_is_renewed_runs_its_full_length_again(db):
    put()
    lease = queue.claim("test")
    run_out(lease)
    queue.renew(lease)
    assert only_item().lease_until > now() + timedelta(seconds=25)
    assert queue.reap() == []


def test_work_given_back_for_no_fault_of_its_own_costs_no_attempt(db):
    put()
    queue.give_back(queue.claim("test"), charge=False)
    assert (only_item().state, only_item().attempts) == ("waiting", 0)
    queue.give_back(queue.claim("test"), charge=True, wait=timedelta(seconds=30))
    item = only_item()
    assert item.attempts == 1
    assert item.run_at > now() + timedelta(seconds=25)


def test_an_attempt_that_was_killed_counts(db):
    put()
    run_out(queue.claim("test"))
    queue.reap()
    assert queue.claim("test").attempt == 2


def test_reaping_leaves_living_leases_alone(db):
    put()
    put()
    dead, alive = queue.claim("test"), queue.claim("test")
    run_out(dead)
    assert queue.reap() == ["test"]
    states = dict(WorkItem.objects.values_list("id", "state"))
    assert states == {dead.item_id: "waiting", alive.item_id: "running"}


def test_what_a_worker_beside_us_left_by_dying_is_taken_up_at_once(db):
    put()
    lease = queue.claim("test")
    ended = subprocess.run([sys.executable, "-c", THEIR_NAME], capture_output=True, text=True)
    WorkItem.objects.update(lease_owner=ended.stdout.strip())
    assert queue.reap() == ["test"]
    assert (only_item().state, only_item().lease_until) == ("waiting", None)
    assert queue.claim("test").token == lease.token + 1


def test_a_worker_elsewhere_is_believed_alive_until_its_lease_runs_out(db):
    """Its number means nothing here, even where both machines bear one name."""
    put()
    queue.claim("test")
    ended = subprocess.run([sys.executable, "-c", THEIR_NAME], capture_output=True, text=True)
    place, number = ended.stdout.strip().rsplit(":", 1)
    host, boot, namespace = place.split("/")
    for other in (f"{host}-b/{boot}/{namespace}", f"{host}/00000000/{namespace}", host):
        WorkItem.objects.update(lease_owner=f"{other}:{number}")
        assert queue.reap() == []
    assert only_item().state == "running"


def test_a_doorbell_that_nobody_hears_loses_nothing(
    db, settings, monkeypatch, django_capture_on_commit_callbacks
):
    """Redis is away: the row waits, and the next look of beat names its queue."""
    away = Celery("away", broker="redis://127.0.0.1:1/0", set_as_current=False)
    away.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    monkeypatch.setattr(queue, "current_app", away)
    with django_capture_on_commit_callbacks(execute=True) as rung:
        put()
    assert len(rung) == 1
    assert queue.reap() == ["test"]
    assert queue.claim("test") is not None


def test_the_doorbell_carries_the_name_of_a_queue_and_nothing_else(
    db, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(current_app, "send_task", lambda *a, **k: sent.append((a, k["args"])))
    with django_capture_on_commit_callbacks(execute=True):
        put()
    assert sent == [((tasks.look.name,), ("test",))]


def test_nobody_is_rung_for_work_that_was_rolled_back(
    db, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(queue, "ring", lambda name: pytest.fail("rung"))
    with (
        django_capture_on_commit_callbacks(execute=True),
        pytest.raises(ZeroDivisionError),
        transaction.atomic(),
    ):
        put()
        1 / 0
    assert not WorkItem.objects.exists()


def test_many_workers_claim_each_item_once(committed):
    tenant_id = committed("Alice").tenant.id
    for _ in range(24):
        queue.enqueue("sweep", tenant_id=tenant_id, object_id=uuid4())

    def worker() -> list[int]:
        claimed = []
        while lease := queue.claim("test"):
            claimed.append(lease.item_id)
            queue.finish(lease)
        return claimed

    claimed = [item for items in in_threads([worker] * 6) for item in items]
    expected = WorkItem.objects.filter(tenant_id=tenant_id).values_list("id", flat=True)
    assert sorted(claimed) == sorted(expected)
    assert WorkItem.objects.filter(tenant_id=tenant_id, state="done").count() == 24


def test_a_lease_that_is_held_cannot_be_taken_over_until_its_result_is_stored(committed):
    """A reaper that comes in the middle of a result waits, and then finds it done."""
    tenant_id = committed("Alice").tenant.id
    queue.enqueue("sweep", tenant_id=tenant_id, object_id=uuid4())
    lease = queue.claim("test")
    run_out(lease)
    with transaction.atomic():
        queue.hold(lease)

        assert in_threads([lambda: must_wait(queue.reap)]) == [True]
        queue.finish(lease)
    queue.reap()
    assert WorkItem.objects.get(tenant_id=tenant_id).state == WorkItem.DONE


def test_work_cannot_finish_between_a_change_and_its_request_to_look_again(committed):
    """Whoever asks holds the row until the change commits, so that it is seen or looked at."""
    tenant_id, object_id = committed("Alice").tenant.id, uuid4()
    queue.enqueue("sweep", tenant_id=tenant_id, object_id=object_id)
    lease = queue.claim("test")

    with transaction.atomic():
        queue.enqueue("sweep", tenant_id=tenant_id, object_id=object_id)
        assert in_threads([lambda: must_wait(lambda: queue.finish(lease))]) == [True]
    queue.finish(lease)
    assert queue.claim("test").item_id == lease.item_id


def test_one_row_stands_for_work_that_many_ask_for_at_once(committed):
    tenant_id, objects = committed("Alice").tenant.id, [uuid4() for _ in range(4)]

    def ask() -> None:
        for object_id in random.sample(objects, len(objects)):
            queue.enqueue("sweep", tenant_id=tenant_id, object_id=object_id)

    in_threads([ask] * 6)
    rows = WorkItem.objects.filter(tenant_id=tenant_id)
    assert sorted(rows.values_list("object_id", flat=True)) == sorted(objects)
