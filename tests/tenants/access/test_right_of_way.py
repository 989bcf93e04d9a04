"""Who is above its limits lets others go first, in other processes too, but is answered."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tenants.access import right_of_way as module
from tenants.access.door import place_of
from tenants.access.rates import Bucket, Caller, Rates
from tenants.access.right_of_way import RightOfWay
from tenants.access.turns import Turns

HOLD = """
import sys; from pathlib import Path
import django; django.setup()
from tenants.access.right_of_way import RightOfWay
with RightOfWay(Path(sys.argv[1])).taken():
    print("goes", flush=True); sys.stdin.readline()
"""


@pytest.fixture
def way(tmp_path) -> RightOfWay:
    return RightOfWay(tmp_path / "right-of-way")


@contextmanager
def another_process_goes(path: Path) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "goes\n"
        try:
            yield other
        finally:
            other.kill()


def test_nobody_waits_where_nobody_goes(way):
    with way.given() as giving:
        assert not giving.must_wait()
        giving.wait()
        assert giving.left == module.PATIENCE


def test_who_gives_way_waits_for_those_in_this_process(way):
    with way.given() as giving:
        with way.taken():
            assert giving.must_wait()
        assert not giving.must_wait()


def test_any_number_may_go_at_once(way):
    with way.taken(), way.taken():
        pass


def test_who_gives_way_waits_for_those_in_another_process_until_it_dies(way):
    with way.given() as giving, another_process_goes(way.path) as other:
        assert giving.must_wait()
        other.kill()
        other.wait()
        assert not giving.must_wait()


def test_the_patience_of_one_request_ends(way, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    with way.taken(), way.given() as giving:
        began = time.monotonic()
        giving.left = 0.02
        giving.wait()
        assert not giving.must_wait()
        assert time.monotonic() - began >= 0.01


def test_a_turn_is_let_go_while_its_request_gives_way(way):
    turns, loud, quiet = Turns(), uuid4(), uuid4()
    with way.given() as giving, turns.turn_of(loud, giving):
        place = turns._holder
        with way.taken():
            assert giving.must_wait()
            giving.left = 0.004  # it comes back by itself
            turns.let_others(place)
        assert giving.left <= 0 and turns._holder is place
    assert turns._holder is None
    with turns.turn_of(quiet):
        pass


def test_only_who_was_refused_lately_is_loud(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("tenants.access.rates.time.monotonic", lambda: clock[0])
    rates = Rates("redis://127.0.0.1:1/0")
    who = Caller(uuid4(), uuid4(), (Bucket("tenant", "one", 1.0, 1),), 1)
    other = Caller(uuid4(), uuid4(), (Bucket("tenant", "two", 1.0, 1),), 1)
    assert rates.take(b"digest", who).admitted and not rates.is_loud(who)
    assert not rates.take(b"digest", who).admitted
    assert rates.is_loud(who) and not rates.is_loud(other)
    clock[0] += 1.1
    assert not rates.is_loud(who)


def test_a_key_above_its_own_limit_makes_no_other_key_loud():
    rates = Rates("redis://127.0.0.1:1/0")
    tenant, shared = uuid4(), Bucket("tenant", "tenant", 100.0, 100)
    narrow = Caller(uuid4(), tenant, (shared, Bucket("key", "narrow", 1.0, 1)), 1)
    wide = Caller(uuid4(), tenant, (shared,), 1)
    rates.take(b"narrow", narrow)
    assert not rates.take(b"narrow", narrow).admitted
    assert rates.is_loud(narrow) and not rates.is_loud(wide)


def test_who_finds_no_place_is_loud():
    rates = Rates("redis://127.0.0.1:1/0")
    who = Caller(uuid4(), uuid4(), (Bucket("tenant", "one", 100.0, 100),), 1)
    rates.note_refused(who)
    assert rates.is_loud(who)


def test_parallel_uploads_make_nobody_loud():
    rates = Rates("redis://127.0.0.1:1/0")
    who = Caller(uuid4(), uuid4(), (Bucket("tenant", "one", 100.0, 100),), 1)
    rates.note_refused(who, loud=False)
    assert not rates.is_loud(who)


def test_a_body_on_a_question_takes_no_place_of_a_body():
    who = Caller(uuid4(), uuid4(), (Bucket("tenant", "one", 100.0, 100),), 1)
    asked = {"REQUEST_METHOD": "GET", "CONTENT_LENGTH": "1"}
    assert place_of(who, asked) is who
    assert place_of(who, {**asked, "REQUEST_METHOD": "POST"}).lane != who.lane
