"""Places in a process: a tenant's own, handed on in the order in which requests came."""

import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from uuid import uuid4

import pytest

from tenants.access.places import LINE, Places
from tenants.access.rates import Bucket, Caller


@pytest.fixture
def places() -> Places:
    return Places()


def caller(at_once: int) -> Caller:
    return Caller(uuid4(), uuid4(), (Bucket("tenant", "one", 1.0, 1),), at_once)


def test_places_are_taken_and_given_back(places):
    who = caller(at_once=2)
    assert [places.begin(who) for _ in range(3)] == [True, True, False]
    places.end(who)
    assert places.begin(who)


def test_who_finds_no_place_waits_in_line_until_one_is_given_back(places):
    who = caller(at_once=1)
    assert places.begin(who)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(places.begin, who)
        time.sleep(0.1)
        assert not waiting.done()
        places.end(who)
        assert waiting.result(1) is True


def test_a_line_that_is_full_takes_nobody_and_holds_up_nobody_else(places, monkeypatch):
    monkeypatch.setattr("tenants.access.places.PATIENCE", 30.0)
    who, other = caller(at_once=1), caller(at_once=1)
    assert places.begin(who)
    with ThreadPoolExecutor(LINE) as pool:
        line = [pool.submit(places.begin, who) for _ in range(LINE)]
        while places.waiting(who) < LINE:
            time.sleep(0.01)
        assert places.begin(who) is False
        assert places.begin(other) is True
        assert not any(each.done() for each in line)
        for _ in range(LINE):
            places.end(who)
            wait(line, return_when=FIRST_COMPLETED)
        assert [each.result() for each in line] == [True] * LINE


def test_who_waited_longest_gets_the_place(places, monkeypatch):
    monkeypatch.setattr("tenants.access.places.PATIENCE", 30.0)
    who, order = caller(at_once=1), []
    assert places.begin(who)
    with ThreadPoolExecutor(2) as pool:
        for number in range(2):
            pool.submit(lambda n=number: (places.begin(who), order.append(n), places.end(who)))
            while places.waiting(who) == number:
                time.sleep(0.001)
        places.end(who)
    assert order == [0, 1]


def test_who_waited_in_vain_leaves_the_line(places, monkeypatch):
    monkeypatch.setattr("tenants.access.places.PATIENCE", 0.05)
    who = caller(at_once=1)
    assert places.begin(who)
    assert places.begin(who) is False
    assert places.waiting(who) == 0
    places.end(who)
    assert places.begin(who)


def test_who_is_not_to_wait_is_told_at_once(places, monkeypatch):
    monkeypatch.setattr("tenants.access.places.PATIENCE", 30.0)
    who = caller(at_once=1)
    assert places.begin(who, patiently=False)
    began = time.monotonic()
    assert places.begin(who, patiently=False) is False
    assert time.monotonic() - began < 10
