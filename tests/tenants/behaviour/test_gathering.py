"""Requests that come at the same moment: landed together, each with its own record and outcome."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event as Signal
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from tenants.audit.actor import system
from tenants.behaviour.models import Event, EventBatch, QuarantinedRow
from tenants.behaviour.streaming import gathering
from tenants.behaviour.streaming.gathering import Gathering, events_of
from tenants.behaviour.streaming.streaming import accept_together
from tenants.behaviour.streaming.told import Told, row_of
from tenants.errors import AppError
from tests.tenants.behaviour.uploads import agree

TENANT = UUID(int=1)
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


def told(*users: str, **changed) -> Told:
    events = [
        {"user_id": user, "item_id": f"i{n}", "type": "view", "occurred_at": AT, **changed}
        for n, user in enumerate(users)
    ]
    return Told([row_of(event) for event in events], system(f"sender-{users[0]}"))


@pytest.fixture
def no_scope(monkeypatch):
    """For tests of who lands what: no database."""

    @contextmanager
    def scope(tenant_id):
        yield

    monkeypatch.setattr(gathering, "tenant_scope", scope)


class Landing:
    """Notes what is landed together; the first waits until it is let go."""

    def __init__(self) -> None:
        self.groups: list[tuple[list[str], bool]] = []
        self.begun, self.go = Signal(), Signal()
        self.faulty: dict[str, Exception] = {}

    def __call__(self, requests, *, trusted):
        names = [one.actor.ref for one in requests]
        self.groups.append((names, trusted))
        if not self.begun.is_set():
            self.begun.set()
            assert self.go.wait(10)
        for name in names:
            if name in self.faulty:
                raise self.faulty[name]
        return names


def play(landing: Landing, waiting: list[Told], *, trusted=True):
    """Land one, and meanwhile all of these arrive in their order; what each is told."""
    together = Gathering(landing, events_of)
    with ThreadPoolExecutor(len(waiting) + 1) as pool:
        first = pool.submit(together.accept, TENANT, told("first"), trusted=True)
        assert landing.begun.wait(10)
        rest = []
        for number, one in enumerate(waiting):
            rest.append(pool.submit(together.accept, TENANT, one, trusted=trusted))
            while trusted and len(together._lines[TENANT, True].waiting) <= number:
                pass
        landing.go.set()
        answers = [each.exception(10) or each.result() for each in (first, *rest)]
    assert together._lines == {}
    return answers


def test_what_comes_while_one_is_landed_is_landed_together(no_scope):
    landing = Landing()
    answers = play(landing, [told("a"), told("b"), told("c")])
    assert [names for names, _ in landing.groups] == [
        ["sender-first"],
        ["sender-a", "sender-b", "sender-c"],
    ]
    assert answers == ["sender-first", "sender-a", "sender-b", "sender-c"]


def test_who_was_answered_together_is_waited_for_and_who_comes_alone_waits_for_nobody(
    no_scope, monkeypatch
):
    monkeypatch.setattr(gathering, "LINGER", 10.0)
    landing = Landing()
    landing.go.set()
    together = Gathering(landing, events_of)
    with ThreadPoolExecutor(2) as pool:
        pool.submit(together.accept, TENANT, told("alone"), trusted=True).result(5)
        monkeypatch.setattr(gathering, "LATELY", 10.0)
        together._answered[TENANT, True] = time.monotonic(), 2
        one = pool.submit(together.accept, TENANT, told("a"), trusted=True)
        while (TENANT, True) not in together._lines:
            pass
        two = pool.submit(together.accept, TENANT, told("b"), trusted=True)
        assert [one.result(5), two.result(5)] == ["sender-a", "sender-b"]
    names = [names for names, _ in landing.groups]
    assert names == [["sender-alone"], ["sender-a", "sender-b"]]


def test_senders_who_are_not_believed_are_landed_apart(no_scope):
    landing = Landing()
    play(landing, [told("a")], trusted=False)
    assert sorted(landing.groups) == [(["sender-a"], False), (["sender-first"], True)]


def test_not_more_than_so_many_events_are_landed_at_once(no_scope, monkeypatch):
    monkeypatch.setattr(gathering, "MOST_EVENTS", 3)
    landing = Landing()
    play(landing, [told("a", "a"), told("b"), told("c", "c", "c", "c"), told("d")])
    assert [names for names, _ in landing.groups[1:]] == [
        ["sender-a", "sender-b"],
        ["sender-c"],
        ["sender-d"],
    ]


def test_the_fault_of_one_request_is_told_to_it_alone(no_scope):
    landing = Landing()
    landing.faulty["sender-b"] = fault = AppError("bad", "This one.")
    answers = play(landing, [told("a"), told("b"), told("c")])
    assert answers == ["sender-first", "sender-a", fault, "sender-c"]


def test_a_database_that_is_away_is_told_to_all_and_asked_once(no_scope):
    landing = Landing()
    landing.faulty["sender-b"] = away = OperationalError("gone")
    answers = play(landing, [told("a"), told("b"), told("c")])
    assert answers == ["sender-first", away, away, away]
    assert len(landing.groups) == 2


def test_each_request_has_its_own_record_and_outcome(alice):
    agree(alice, "u1", "u2")
    with alice.scope:
        one, two, three = accept_together(
            [told("u1", "nobody"), told("u2", "u2", type="veiw"), told("u2", "u1")], trusted=True
        )
        assert [(end.index, end.outcome, end.code) for end in one.ended] == [
            (1, "quarantined", "no_record")
        ]
        assert [(end.index, end.code) for end in two.ended] == [
            (0, "unknown_type"),
            (1, "unknown_type"),
        ]
        assert three.ended == ()
        names = ("received", "accepted", "quarantined", "rejected")
        kept = [[getattr(each.batch, name) for name in names] for each in (one, two, three)]
        assert kept == [[2, 1, 1, 0], [2, 0, 0, 2], [2, 2, 0, 0]]
        assert EventBatch.objects.count() == 3
        came = Event.objects.values_list("upload_id", flat=True)
        assert QuarantinedRow.objects.get().upload_id == one.batch.id
        assert set(came) == {one.batch.id, three.batch.id} and len(came) == 3


def test_the_record_of_a_request_is_the_same_alone_or_among_others(alice, bob):
    for business in (alice, bob):
        agree(business, "u1", "u2")
    with alice.scope:
        alone = [accept_together([told(user)], trusted=True)[0] for user in ("u1", "u2", "u1")]
    with bob.scope:
        among = accept_together([told("u1"), told("u2"), told("u1")], trusted=True)
    for one, other in zip(alone, among, strict=True):
        assert (one.batch.accepted, one.batch.duplicate) == (
            other.batch.accepted,
            other.batch.duplicate,
        )
    codes = [[end.code for end in each.ended] for each in (alone[2], among[2])]
    assert codes == [["already_stored"], ["duplicate"]]


def test_requests_of_many_threads_are_all_stored_once(committed):
    carol = committed("Carol")
    agree(carol, *(f"u{n}" for n in range(12)))
    together = Gathering(accept_together, events_of)

    def send(n: int) -> int:
        try:
            one = together.accept(carol.tenant.id, told(f"u{n}", f"u{n}"), trusted=True)
            return one.batch.accepted
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(send, range(12))) == 24
    with carol.scope:
        assert (Event.objects.count(), EventBatch.objects.count()) == (24, 12)
