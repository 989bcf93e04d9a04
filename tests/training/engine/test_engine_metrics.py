"""Ranking figures against values worked out by hand."""

import math

import numpy as np
import pytest

from training.engine.metrics import judge, paired_difference


def test_a_perfect_ranking_scores_one_everywhere() -> None:
    assert judge(np.array([3, 1]), np.array([1, 3])).tolist() == [1.0, 1.0, 1.0, 1.0]


def test_a_single_hit_in_second_place_is_discounted() -> None:
    ndcg, recall10, recall20, reciprocal = judge(np.array([9, 4, 8]), np.array([4, 5]))
    assert ndcg == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    assert (recall10, recall20, reciprocal) == (0.5, 0.5, 0.5)


def test_a_hit_behind_ten_places_counts_for_twenty_only() -> None:
    ranking = np.arange(20)
    assert judge(ranking, np.array([14])).tolist() == [0.0, 0.0, 1.0, 1 / 15]


def test_the_ideal_of_many_targets_is_ten_of_them() -> None:
    assert judge(np.arange(10), np.arange(40))[0] == 1.0


def test_no_hit_scores_zero_everywhere() -> None:
    assert judge(np.array([1, 2]), np.array([3])).tolist() == [0.0, 0.0, 0.0, 0.0]


def test_a_constant_lead_has_an_interval_without_width() -> None:
    theirs = np.linspace(0.0, 0.5, 40)
    interval = paired_difference(theirs + 0.1, theirs, seed=1)
    assert interval.as_list() == [0.1, 0.1, 0.1]


def test_noise_has_an_interval_that_holds_zero() -> None:
    draws = np.random.default_rng(0)
    interval = paired_difference(draws.random(200), draws.random(200), seed=1)
    assert interval.low < 0.0 < interval.high
