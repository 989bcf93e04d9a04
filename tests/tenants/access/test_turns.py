"""One request computes at a time; a neighbour waits for a step of it, never for its queue."""

import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from uuid import UUID, uuid4

import pytest
from django.db import connection

from tenants.access import turns as module
from tenants.access.turns import HALF_LIFE, Turns

BUSY, QUIET, THIRD = uuid4(), uuid4(), uuid4()


class Clock:
    """Stands still unless a test moves it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """Turns by a clock of its own, and requests in threads that write down when they computed."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.turns = Turns(self.clock)
        self.order: list[str] = []
        self.threads: list[Thread] = []

    def compute(self, tenant_id: UUID, seconds: float) -> None:
        with self.turns.turn_of(tenant_id):
            self.clock.now += seconds

    def queue(self, name: str, tenant_id: UUID) -> Thread:
        """A request of this tenant that waits for its turn when this returns."""
        before = len(self.turns._line)
        thread = self.start(name, tenant_id)
        until(lambda: len(self.turns._line) == before + 1)
        return thread

    def start(self, name: str, tenant_id: UUID, then: Callable[[], None] = bool) -> Thread:
        def run() -> None:
            with self.turns.turn_of(tenant_id):
                self.order.append(name)
                then()

        self.threads.append(Thread(target=run))
        self.threads[-1].start()
        return self.threads[-1]

    def end(self) -> list[str]:
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        return self.order


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def statement() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select 1")


@pytest.fixture
def stage(monkeypatch) -> Iterator[Stage]:
    """Patience is long: a slow machine must not change who goes first."""
    monkeypatch.setattr(module, "PATIENCE", 30.0)
    made = Stage()
    yield made
    made.end()


def test_nobody_waits_where_nobody_computes(stage):
    stage.compute(BUSY, 1)
    stage.compute(BUSY, 1)
    stage.compute(QUIET, 0)
    assert stage.turns._holder is None


def test_a_tenant_that_computed_less_goes_first(stage):
    stage.compute(BUSY, 0.5)
    with stage.turns.turn_of(THIRD):
        stage.queue("busy", BUSY)
        stage.queue("quiet", QUIET)
        assert stage.order == []
    assert stage.end() == ["quiet", "busy"]


def test_of_one_tenant_whoever_came_first_goes_first(stage):
    with stage.turns.turn_of(THIRD):
        stage.queue("first", BUSY)
        stage.queue("second", BUSY)
    assert stage.end() == ["first", "second"]


def test_what_was_computed_long_ago_counts_less(stage):
    stage.compute(BUSY, 0.8)
    stage.clock.now += 3 * HALF_LIFE  # an eighth of it is left
    stage.compute(QUIET, 0.2)
    with stage.turns.turn_of(THIRD):
        stage.queue("quiet", QUIET)
        stage.queue("busy", BUSY)
    assert stage.end() == ["busy", "quiet"]


def test_a_busy_tenants_request_lets_another_in_between_two_statements(stage, db):
    with stage.turns.turn_of(BUSY):
        stage.clock.now += 1
        other = stage.queue("quiet", QUIET)
        stage.order.append("busy, before")
        statement()
        stage.order.append("busy, after")
        other.join(30)
    assert stage.end() == ["busy, before", "quiet", "busy, after"]


def test_it_has_the_turn_back_before_its_statement_goes_on(stage, db):
    """Whoever was let in is done, or asks the database itself; never do two compute."""
    asked, go_on = Event(), Event()

    def ask() -> None:
        asked.set()
        assert go_on.wait(30)

    with stage.turns.turn_of(BUSY):
        stage.clock.now += 1
        mine = stage.turns._holder
        before = len(stage.turns._line)
        stage.start("quiet", QUIET, then=ask)
        until(lambda: len(stage.turns._line) == before + 1)
        watcher = Thread(target=lambda: (asked.wait(30), go_on.set()))
        watcher.start()
        statement()
        assert go_on.is_set() and stage.turns._holder is mine
        watcher.join(30)


def test_a_tenant_that_computed_more_is_not_let_in_between(stage, db):
    stage.compute(BUSY, 1)
    with stage.turns.turn_of(QUIET):
        stage.queue("busy", BUSY)
        statement()
        assert stage.order == []
    assert stage.end() == ["busy"]


def test_a_stuck_request_stops_nobody_for_more_than_patience(stage, monkeypatch, db):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    with stage.turns.turn_of(BUSY):  # and it does not let go
        stuck = stage.turns._holder
        begun = time.monotonic()
        stage.start("quiet", QUIET, then=lambda: stage.turns.let_others(stuck)).join(30)
        assert stage.order == ["quiet"]
        assert time.monotonic() - begun >= 0.05
        # Who went without a turn gives none away, and stands in no line any more.
        assert stage.turns._holder is stuck
        assert stage.turns._line == []
    assert stage.turns._holder is None


def test_the_turn_is_passed_on_after_an_error(stage):
    with pytest.raises(ZeroDivisionError), stage.turns.turn_of(BUSY):
        stage.queue("quiet", QUIET)
        raise ZeroDivisionError
    assert stage.end() == ["quiet"]
    assert stage.turns._holder is None


def test_a_request_leaves_nothing_on_its_connection(stage, db):
    with stage.turns.turn_of(BUSY):
        assert len(connection.execute_wrappers) == 1
        statement()
    assert connection.execute_wrappers == []


def test_a_busy_tenants_request_lets_another_in_where_it_pauses_its_computing(stage):
    with stage.turns.turn_of(BUSY):
        stage.clock.now += 1
        other = stage.queue("quiet", QUIET)
        stage.turns.pause()
        other.join(30)
        stage.order.append("busy")
    assert stage.end() == ["quiet", "busy"]


def test_a_pause_of_a_thread_without_a_turn_is_nothing(stage):
    stage.turns.pause()
    with stage.turns.turn_of(BUSY):
        pass
    stage.turns.pause()
    assert stage.turns._holder is None


def test_who_waits_apart_lets_others_in_and_comes_back(stage):
    with stage.turns.turn_of(BUSY):
        place = stage.turns._holder
        other = stage.queue("quiet", QUIET)
        with stage.turns.apart():
            other.join(30)
            assert stage.turns._holder is None
        assert stage.turns._holder is place
    assert stage.end() == ["quiet"]


def test_apart_is_nothing_for_a_thread_without_a_turn(stage):
    with stage.turns.apart():
        assert stage.turns._holder is None
