"""Running claimed work: what its failure means, and the duties of every tenant."""

import errno
import logging
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import InterfaceError, OperationalError, transaction
from django.utils.timezone import now

from tenants.isolation.models import KnownTenant
from tenants.work import duties, queue, run
from tenants.work.kinds import WorkKind
from tenants.work.models import WorkItem
from tenants.work.queue import Lease, LeaseLost
from tenants.work.run import BACK_OFF, Stopped, run_waiting

HERE = __name__
CALLS: list[int] = []


def nothing(lease: Lease) -> None:
    CALLS.append(lease.attempt)
    queue.finish(lease)


def breaks(lease: Lease) -> None:
    CALLS.append(lease.attempt)
    raise ZeroDivisionError


def stops(lease: Lease) -> None:
    CALLS.append(lease.attempt)
    raise Stopped


def loses(lease: Lease) -> None:
    CALLS.append(lease.attempt)
    raise LeaseLost


def has_no_room(lease: Lease) -> None:
    CALLS.append(lease.attempt)
    raise OSError(errno.ENOSPC, "no space")


def ends_its_object(lease: Lease) -> None:
    CALLS.append(-lease.attempt)
    queue.finish(lease, code="crashed")


def is_robbed_and_breaks(lease: Lease) -> None:
    WorkItem.objects.update(lease_token=lease.token + 1)
    raise ZeroDivisionError


@pytest.fixture
def work(db, settings):
    """Queues one item that runs `function`, with three attempts."""
    CALLS.clear()

    def put(function: str, times: int = 1) -> None:
        settings.WORK_KINDS = {"it": WorkKind("test", f"{HERE}.{function}", lease=30, attempts=3)}
        for _ in range(times):
            queue.enqueue("it", tenant_id=uuid4(), object_id=uuid4())

    return put


def again() -> None:
    """Let the waiting time of given-back work be over."""
    from django.db.models.functions import Now

    WorkItem.objects.filter(state="waiting").update(run_at=Now())
    run_waiting("test")


def test_all_waiting_work_is_run(work):
    work("nothing", times=3)
    assert run_waiting("test") == 3
    assert set(WorkItem.objects.values_list("state", flat=True)) == {"done"}


def test_broken_work_waits_longer_each_time_and_stops_hard(work, caplog):
    work("breaks")
    run_waiting("test")
    item = WorkItem.objects.get()
    first = item.run_at
    assert (item.state, item.attempts) == ("waiting", 1)
    run_waiting("test")
    assert CALLS == [1], "it was not waited for"
    again()
    assert WorkItem.objects.get().run_at > first + BACK_OFF
    again()
    item = WorkItem.objects.get()
    assert (item.state, item.code, item.attempts) == ("failed", "crashed", 3)
    again()
    assert CALLS == [1, 2, 3]
    assert "ZeroDivisionError" in caplog.text


def test_work_that_kills_its_workers_stops_hard_too(work):
    """Nobody is left to count; the attempts that were claimed do."""
    work("nothing")
    WorkItem.objects.update(attempts=3)
    assert run_waiting("test") == 1
    item = WorkItem.objects.get()
    assert (item.state, item.code, CALLS) == ("failed", "crashed", [])


def test_work_that_meets_a_full_disk_waits_for_room_uncharged(work):
    work("has_no_room")
    run_waiting("test")
    for _ in range(4):  # more often than it may fail
        again()
    item = WorkItem.objects.get()
    assert (item.state, item.attempts, CALLS) == ("waiting", 0, [1] * 5)
    assert timedelta(seconds=25) < item.run_at - now() < timedelta(seconds=35)


@pytest.mark.parametrize("before", [0, 3])
def test_what_work_was_for_ends_with_it_at_the_hard_stop(work, settings, before):
    """Whether the third attempt breaks, or ended its worker."""
    work("breaks")
    own = f"{HERE}.ends_its_object"
    settings.WORK_KINDS = {
        "it": WorkKind("test", f"{HERE}.breaks", lease=30, attempts=3, crashed=own)
    }
    WorkItem.objects.update(attempts=before)
    for _ in range(3):
        again()
    item = WorkItem.objects.get()
    assert (item.state, item.code) == ("failed", "crashed")
    assert ([1, 2, 3, -3] if not before else [-4]) == CALLS


def test_a_function_that_cannot_be_imported_fails_as_work_not_as_worker(work):
    work("no_such_function")
    assert run_waiting("test") == 1
    assert WorkItem.objects.get().state == "waiting"


def test_work_stopped_with_its_worker_goes_back_uncharged(work):
    work("stops", times=2)
    assert run_waiting("test") == 0
    assert sorted(WorkItem.objects.values_list("state", "attempts")) == [("waiting", 0)] * 2
    assert CALLS == [1]


def test_lost_work_is_left_to_whoever_has_it_now(work):
    work("loses")
    assert run_waiting("test") == 1
    assert WorkItem.objects.get().state == "running"


def test_work_that_breaks_after_it_was_lost_ends_no_worker(work):
    work("is_robbed_and_breaks")
    assert run_waiting("test") == 1
    assert WorkItem.objects.get().state == "running"


def loses_the_database(lease: Lease) -> None:
    """The server goes away under the work, and is back for the second question after it."""
    CALLS.append(lease.attempt)
    real, answers = queue.give_back, iter([OperationalError("away"), InterfaceError("closed")])

    def give_back(*given, **how):
        if trouble := next(answers, None):
            raise trouble
        queue.give_back = real
        real(*given, **how)

    queue.give_back = give_back
    raise OperationalError("the connection is closed")


def test_work_whose_database_went_away_is_given_back_once_it_is_there_again(
    committed, settings, monkeypatch
):
    """Not left to its lease: the worker that holds it lives, and has nothing else to do."""
    CALLS.clear()
    monkeypatch.setattr(run, "AWAY", (0.0, 0.0, 0.0))
    monkeypatch.setattr(queue, "give_back", queue.give_back)
    settings.WORK_KINDS = {
        "it": WorkKind("test", f"{HERE}.loses_the_database", lease=30, attempts=3)
    }
    with transaction.atomic():
        queue.enqueue("it", tenant_id=committed("Alice").tenant.id, object_id=uuid4())
    assert run_waiting("test") == 1
    item = WorkItem.objects.get(kind="it")
    assert (item.state, item.attempts, CALLS) == ("waiting", 1, [1])


def test_a_worker_that_is_not_stopping_goes_on():
    assert run.stopping() is False


def works(tenant_id):
    CALLS.append(tenant_id)


def fails(tenant_id):
    raise KeyError(tenant_id)


def test_one_tenants_trouble_stops_no_others_duties(alice, bob, settings, caplog):
    CALLS.clear()
    settings.TENANT_DUTIES = [f"{HERE}.fails", f"{HERE}.works"]
    with caplog.at_level(logging.ERROR):
        duties.run_all()
    assert {alice.tenant.id, bob.tenant.id} <= set(CALLS)
    assert set(CALLS) == set(KnownTenant.objects.values_list("tenant_id", flat=True))
    assert f"duty fails of tenant {alice.tenant.id}" in caplog.text
