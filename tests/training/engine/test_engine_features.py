"""Each feature says what its line of the table says, on acts counted by hand; and what is written
about the table agrees with it."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from training.engine.arrays import DAY
from training.engine.features.facts import NONE, ItemFacts, bands_of, facts_of
from training.engine.features.table import (
    FEATURES,
    ITEM_FEATURES,
    SUBJECT_FEATURES,
    columns_of,
    features_of_items,
    features_of_subject,
)
from training.engine.fusion import ALL, BASIC
from training.engine.history import History, Past, settle

NOW = 1000.0 * DAY + 12 * 3600.0  # noon, UTC
# Four items: two cheap ones of one category, a dear one of another, one of which nothing is known.
FACTS = facts_of(
    np.array([2.0, 2.0, 9.0, np.nan], np.float32),
    ["cups", "cups", "lamps", ""],
    np.array([NOW - 40 * DAY, NOW - 40 * DAY, NOW - 4 * DAY, np.inf]),
)


def past(*acts: tuple[int, float, float, float]) -> Past:
    """Acts of (item, days ago, weight, money), oldest first."""
    item, ago, weight, money = zip(*acts, strict=True)
    return Past(
        np.array(item),
        NOW - np.array(ago) * DAY,
        np.array(weight, np.float32),
        np.ones(len(acts), np.int64),
        np.array(money, np.float32),
    )


# Ten, six and two days ago at noon; the last time two items within ten minutes.
BOUGHT = past(
    (0, 10.0, 1.0, 4.0), (0, 6.0, 1.0, 2.0), (2, 2.0 + 600 / DAY, 0.5, 9.0), (0, 2.0, -0.5, 0.0)
)


def of_subject(which: Past = BOUGHT, now: float = NOW) -> dict[str, float]:
    return features_of_subject(which, FACTS, now)


def of_items(which: Past = BOUGHT, now: float = NOW) -> dict[str, list[float]]:
    found = features_of_items(which, FACTS, now, np.arange(4))
    return {name: values.tolist() for name, values in found.items()}


def test_recency_and_frequency_count_days_and_acts():
    found = of_subject()
    assert found["recency_days"] == 2.0
    assert found["acts"] == 4.0 and found["active_days"] == 3.0
    assert found["acts_per_week"] == pytest.approx(4 / (10 / 7))
    assert found["usual_gap_days"] == 4.0


def test_somebody_who_came_yesterday_is_not_made_a_daily_visitor():
    assert of_subject(past((0, 1.0, 1.0, 0.0)))["acts_per_week"] == 1.0


def test_value_is_money_alone():
    found = of_subject()
    assert (found["spent"], found["spent_per_day"]) == (15.0, 5.0)
    assert of_items()["spent_share"] == [0.4, 0.0, 0.6, 0.0]
    assert math.isnan(of_subject(past((0, 1.0, 1.0, 0.0)))["spent_per_day"])


def test_the_stars_of_a_rating_are_no_money():
    history = History(
        items=np.array([7, 7]), times=np.array([1.0, 2.0]), weights=np.ones(2, np.float32),
        types=["purchase", "rating"], values=np.array([3.5, 5.0], np.float32),
    )  # fmt: skip
    settled = settle(history, catalogue=np.array([7]), types=["rating"], now=9.0, limit=10)
    assert settled.value.tolist() == [3.5, 0.0]
    assert settled.type.tolist() == [0, 1]


def test_a_session_ends_with_half_an_hour_without_an_act():
    assert of_subject()["sessions"] == 3.0
    minutes = [past((0, ago / 1440, 1.0, 0.0), (1, 10 / 1440, 1.0, 0.0)) for ago in (39, 41)]
    assert [of_subject(one)["session_acts"] for one in minutes] == [2.0, 1.0]
    assert of_items(minutes[1])["in_session"] == [0.0, 1.0, 0.0, 0.0]
    assert of_subject(minutes[0], NOW + 21 * 60)["session_acts"] == 0.0
    assert of_items(minutes[0], NOW + 21 * 60)["in_session"] == [0.0] * 4


def test_the_usual_hour_goes_round_midnight():
    late = past((0, 2.0 - 11 / 24, 1.0, 0.0), (0, 1.0 + 11 / 24, 1.0, 0.0))  # 23:00 and 01:00
    assert of_subject(late)["usual_hour"] % 24 == pytest.approx(0.0, abs=1e-6)
    assert of_subject(late)["hour_fit"] == pytest.approx(math.cos(math.pi * 11 / 12))
    at_noon = past((0, 2.0, 1.0, 0.0))
    assert of_subject(at_noon)["usual_hour"] == pytest.approx(12.0)
    assert of_subject(at_noon)["hour_fit"] == pytest.approx(1.0)


def test_acts_all_round_the_clock_have_no_usual_hour():
    even = past((0, 1.5, 1.0, 0.0), (0, 1.0, 1.0, 0.0))
    assert math.isnan(of_subject(even)["usual_hour"])


def test_price_bands_are_places_among_the_priced_items():
    assert FACTS.band[:3].tolist() == pytest.approx([1 / 3, 1 / 3, 5 / 6])
    assert math.isnan(FACTS.band[3])
    assert np.isnan(bands_of(np.array([np.nan, np.inf], np.float32))).all()


def test_what_a_person_likes_has_a_price_level_that_items_are_above_or_below():
    level = (2 * 1 / 3 + 0.5 * 5 / 6) / 2.5
    assert of_subject()["price_level"] == pytest.approx(level)
    found = of_items()["price_gap"]
    assert found[:3] == pytest.approx([1 / 3 - level, 1 / 3 - level, 5 / 6 - level])
    assert math.isnan(found[3])


def test_affinity_is_the_share_of_what_is_liked_and_dislikes_take_nothing_from_it():
    found = of_items()["category_affinity"]
    assert found[:3] == pytest.approx([0.8, 0.8, 0.2])
    assert math.isnan(found[3])
    assert of_subject()["categories"] == pytest.approx(
        math.exp(-(0.8 * math.log(0.8) + 0.2 * math.log(0.2)))
    )


def test_an_item_is_due_when_its_usual_pause_has_passed():
    found = of_items()
    assert found["own_acts"] == [3.0, 0.0, 1.0, 0.0]
    assert found["own_recency_days"][0] == 2.0
    assert found["due"][0] == pytest.approx(0.5)  # four days between two acts, two days ago
    assert np.isnan(found["due"][1:]).all()


def test_the_age_of_an_item_counts_from_where_it_is_known():
    found = of_items()["age_days"]
    assert found[:3] == [40.0, 40.0, 4.0] and math.isnan(found[3])


def test_nobody_and_nothing_known_give_no_numbers_and_no_warnings():
    found = features_of_subject(Past.empty(), ItemFacts.unknown(4), NOW)
    assert found["recency_days"] == 3650.0 and found["acts"] == 0.0
    assert math.isnan(found["price_level"]) and math.isnan(found["hour_fit"])
    columns = columns_of(ALL, Past.empty(), ItemFacts.unknown(4), NOW, np.arange(4))
    assert all(np.isfinite(column).all() and column.dtype == np.float32 for column in columns)


def test_what_is_unknown_reads_as_nothing():
    columns = dict(zip(ALL, columns_of(ALL, BOUGHT, FACTS, NOW, np.arange(4)), strict=True))
    assert columns["price_band"][3] == 0.0 and columns["due"][3] == 0.0
    assert columns["recency_days"].tolist() == pytest.approx([math.log1p(2.0)] * 4)
    assert columns["own_recency_days"][0] == pytest.approx(1 / 3)


def test_a_bundle_of_an_earlier_release_knows_nothing_of_its_items():
    again = ItemFacts.restore({"items": np.arange(3)}, 3)
    assert np.isnan(again.band).all() and (again.category == NONE).all()
    stored = ItemFacts.restore(FACTS.tensors(), 4)
    assert stored.category.tolist() == [0, 0, 1, NONE]


def test_the_features_are_documented_in_one_table():
    text = Path("docs/features.md").read_text()
    lines = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    assert lines == [
        (
            name,
            one.unit or "–",
            one.meaning,
            "reads it" if name in BASIC else "–",
        )
        for name, one in (*SUBJECT_FEATURES.items(), *ITEM_FEATURES.items())
    ]
    assert len(FEATURES) == len(lines)  # no name stands for two things
