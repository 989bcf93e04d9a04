"""The distance of two months, by hand and by chance; small groups take no part."""

import numpy as np
import pytest

from dashboard.drift import Cell, drift_of


def months(now: dict, before: dict, people=(500, 400)):
    """Kind -> (acts, people) of each month."""
    turned = [{name: Cell(*cell) for name, cell in month.items()} for month in (now, before)]
    return drift_of(*turned, people)


def test_the_distance_is_the_share_of_acts_that_would_have_to_be_others():
    drift = months({"a": (60, 50), "b": (40, 30)}, {"a": (30, 20), "b": (70, 60)})
    assert drift.distance == pytest.approx(0.3)
    assert [(one.name, one.now, one.before) for one in drift.shares] == [
        ("a", 0.6, 0.3), ("b", 0.4, 0.7),
    ]  # fmt: skip
    assert drift.notable


def test_months_that_are_alike_have_none_whatever_their_sizes():
    drift = months({"a": (10, 10), "b": (20, 20)}, {"a": (100, 80), "b": (200, 90)})
    assert drift.distance == pytest.approx(0.0) and not drift.notable


def test_what_was_never_there_before_counts_whole():
    drift = months({"a": (50, 50), "new": (50, 40)}, {"a": (80, 70)})
    assert drift.distance == pytest.approx(0.5)


def test_a_kind_of_fewer_than_ten_people_in_either_month_takes_no_part():
    drift = months({"a": (50, 50), "rare": (50, 9)}, {"a": (80, 70), "rare": (1, 30)})
    assert drift.distance == 0.0 and [one.name for one in drift.shares] == ["a"]


@pytest.mark.parametrize("people", [(9, 400), (500, 9), (0, 400), (500, 0)])
def test_a_month_of_a_small_group_is_compared_with_nothing(people):
    assert months({"a": (60, 50)}, {"a": (30, 20)}, people) is None


def test_nothing_is_told_where_only_small_groups_are_left():
    assert months({"a": (60, 5)}, {"a": (30, 20)}) is None


def test_chance_promises_what_two_months_drawn_alike_show():
    """People act once each here; that is what the figure of chance supposes."""
    dice = np.random.default_rng(4)
    shares, people = [0.5, 0.3, 0.15, 0.05], (300, 200)
    found = []
    for _ in range(400):
        one, other = (dice.multinomial(n, shares) / n for n in people)
        found.append(np.abs(one - other).sum() / 2)
    cells = {i: (int(1000 * share), 50) for i, share in enumerate(shares)}
    assert months(cells, cells, people).chance == pytest.approx(np.mean(found), rel=0.1)


def test_a_distance_within_what_chance_gives_is_not_notable():
    drift = months({"a": (58, 58), "b": (42, 42)}, {"a": (45, 45), "b": (55, 55)}, (20, 20))
    assert drift.distance > 0.1 and not drift.notable
