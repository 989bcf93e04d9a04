"""Acts faster than a person's are left out, and only those."""

from collections import Counter

import polars as pl
import pytest

from tenants.behaviour.cleaning import rates
from tenants.behaviour.cleaning.rates import USUAL
from tenants.behaviour.reading.tables import Limits
from tests.tenants.behaviour.behaviour_files import (
    HEAD,
    clean,
    clean_batches,
    event_file,
    event_line,
    parquet_file,
)


def burst(count: int, user: str = "u1", minute: int = 0, type: str = "view") -> list[str]:
    return [
        event_line(
            user=user, item=f"i{n}", type=type, time=f"2024-05-01T10:{minute:02}:{n % 60:02}Z"
        )
        for n in range(count)
    ]


def left(cleaned) -> dict[str, int]:
    return cleaned.counts()


def test_what_a_person_can_do_is_accepted():
    lines = [*burst(USUAL), *burst(USUAL, minute=1), *burst(USUAL, "u2")]
    assert left(clean(event_file(*lines))) == {}


def test_rows_beyond_the_rate_end_as_bot_like_in_the_files_order():
    cleaned = clean(event_file(*burst(USUAL + 3), *burst(5, "u2")))
    assert left(cleaned) == {"bot_like": 3}
    assert cleaned.first_rows("bot_like") == (USUAL + 1, USUAL + 2, USUAL + 3)


def test_the_lines_of_an_order_do_not_count():
    assert left(clean(event_file(*burst(USUAL * 2, type="purchase"), *burst(USUAL)))) == {}


def test_a_copy_is_a_duplicate_and_counts_once():
    lines = burst(80)
    assert left(clean(event_file(*lines, *lines))) == {"duplicate": 80}


@pytest.mark.parametrize(("most", "expected"), [(0, {}), (10, {"bot_like": 20})])
def test_the_rate_is_an_option_of_the_file(most, expected):
    assert left(clean(event_file(*burst(30)), acts_per_minute=most)) == expected


def test_the_count_goes_on_from_batch_to_batch():
    told = [line.split(",") for line in burst(USUAL * 2)]
    columns = {name: [row[n] for row in told] for n, name in enumerate(HEAD.split(","))}
    batches = clean_batches(parquet_file(columns), limits=Limits(batch_rows=50))
    found = [left(cleaned).get("bot_like", 0) for cleaned in batches]
    assert found == [0, 0, 30, 50, 40]


def test_what_is_remembered_has_a_bound(monkeypatch):
    monkeypatch.setattr(rates, "MOST_KEPT", 3)
    lines = [line for user in range(10) for line in burst(8 + user, f"u{user}")]
    (cleaned,) = clean_batches(event_file(*lines))
    kept = cleaned.seen.rates.counts
    assert Counter(kept["acts"]) == Counter([15, 16, 17])


def test_nothing_is_remembered_of_slow_people():
    cleaned = clean(event_file(*burst(7)))
    assert cleaned.seen.rates.counts.is_empty()
    assert cleaned.rows["row"].dtype == pl.Int64
