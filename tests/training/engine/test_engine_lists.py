"""Figures of whole lists against slow and obvious versions of themselves."""

import itertools
import math

import numpy as np
import pytest

from training.engine.lists import (
    coverage,
    diversity,
    exposures,
    gini,
    miscalibration,
    novelty,
)

DRAWS = np.random.default_rng(4)
LISTS = np.where(DRAWS.random((30, 10)) < 0.1, -1, DRAWS.integers(0, 25, (30, 10)))


def test_exposures_count_every_place_and_no_gap() -> None:
    slow = [sum(int(item) == each for item in LISTS.ravel()) for each in range(40)]
    assert exposures(LISTS, 40).tolist() == slow


def test_coverage_is_the_share_of_the_offered_items_that_are_shown() -> None:
    shown = {int(item) for item in LISTS.ravel() if item >= 0}
    assert coverage(exposures(LISTS, 40), 32) == len(shown) / 32


def test_gini_is_the_mean_difference_of_all_pairs() -> None:
    shown = exposures(LISTS, 40)
    amounts = [*shown[shown > 0], *[0] * (32 - int((shown > 0).sum()))]
    pairs = [abs(a - b) for a, b in itertools.product(amounts, amounts)]
    slow = sum(pairs) / (2 * len(amounts) ** 2 * (sum(amounts) / len(amounts)))
    assert gini(shown, 32) == pytest.approx(slow)


def test_gini_of_equal_exposure_is_nothing_and_of_one_star_nearly_all() -> None:
    assert gini(np.array([3, 3, 3]), 3) == pytest.approx(0.0)
    assert gini(np.array([9, 0, 0, 0]), 4) == pytest.approx(0.75)


def test_novelty_is_the_surprise_of_what_is_shown() -> None:
    popularity = np.array([0.5, 0.25, 0.125])
    assert novelty(np.array([0, 2, -1]), popularity) == pytest.approx((1 + 3) / 2)


def test_diversity_is_the_mean_distance_of_all_pairs() -> None:
    vectors = DRAWS.normal(size=(25, 4))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    listed = np.array([3, 9, 1, 7, -1])
    slow = np.mean(
        [1 - vectors[a] @ vectors[b] for a, b in itertools.combinations([3, 9, 1, 7], 2)]
    )
    assert diversity(listed, vectors) == pytest.approx(slow, abs=1e-6)


def test_a_list_with_the_mix_of_the_past_is_calibrated() -> None:
    group = np.array([0, 0, 1, 1, 2])
    assert miscalibration(np.array([0, 2]), np.array([1, 3]), group) == pytest.approx(0.0)


def test_miscalibration_is_the_divergence_of_the_mixes() -> None:
    group = np.array([0, 0, 1, 1, 2])
    given = 0.99 * 0.25 + 0.01 * 0.5  # a quarter of the list, half of the past
    other = 0.99 * 0.75 + 0.01 * 0.5
    slow = 0.5 * math.log(0.5 / given) + 0.5 * math.log(0.5 / other)
    assert miscalibration(np.array([0, 2, 3, 2]), np.array([1, 3]), group) == pytest.approx(slow)
