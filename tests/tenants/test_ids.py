"""Public identifiers: lists that run by id run by time."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tenants.errors import NotFound
from tenants.ids import parse_id, public_id, uuid7


def test_ids_made_within_one_millisecond_keep_their_order():
    made = [uuid7() for _ in range(5_000)]
    assert made == sorted(made) and len(set(made)) == len(made)
    shown = [public_id("job", each) for each in made]
    assert shown == sorted(shown)


def test_ids_of_many_threads_are_all_different_and_ordered_in_each():
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: [uuid7() for _ in range(2_000)], range(4)))
    assert all(run == sorted(run) for run in runs)
    assert len({each for run in runs for each in run}) == 8_000


def test_an_id_tells_its_millisecond_and_is_a_version_7():
    before, made, after = time.time_ns(), uuid7(), time.time_ns()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before // 1_000_000 <= made.int >> 80 <= after // 1_000_000 + 1


def test_a_clock_that_is_set_back_keeps_the_order(monkeypatch):
    first = uuid7()
    an_hour_ago = time.time_ns() - 3_600 * 10**9
    monkeypatch.setattr("tenants.ids.time.time_ns", lambda: an_hour_ago)
    assert first < uuid7() < uuid7()


@pytest.mark.parametrize("text", ["", "job", "ver_0", "ftjob_" + "z" * 22, "ftjob_" + "-" * 22])
def test_what_is_no_id_of_that_kind_is_not_found(text):
    with pytest.raises(NotFound):
        parse_id("job", text)


def test_an_id_comes_back_from_its_text():
    made = uuid7()
    assert parse_id("job", public_id("job", made)) == made
