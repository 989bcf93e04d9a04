"""Probabilities of acts: they recover what made the hits; the figures are those of the books."""

import numpy as np
import pytest

from training.engine.probability import Calibration, area, best_threshold, calibrated, judged

TRUE = Calibration(slope=1.7, offset=-2.0)


def pairs(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    levels = draws.normal(size=count) * 3.0 + 1.0
    return levels, draws.random(count) < TRUE.of(levels)


def test_what_made_the_hits_is_found_again() -> None:
    levels, hits = pairs(200_000)
    found = calibrated(levels, hits)
    assert found is not None
    assert (found.slope, found.offset) == pytest.approx((TRUE.slope, TRUE.offset), abs=0.03)


def test_told_probabilities_come_true_on_new_pairs() -> None:
    found = calibrated(*pairs(20_000))
    levels, hits = pairs(20_000, seed=2)
    assert found is not None
    verdict = judged(found.of(levels), hits, 0.5)
    assert verdict is not None and len(verdict.curve) == 10
    assert all(true == pytest.approx(told, abs=0.03) for told, true, _ in verdict.curve)
    assert verdict.log_loss < 0.6 * verdict.log_loss_of_base


def test_hits_that_part_perfectly_from_misses_still_get_a_calibration() -> None:
    levels = np.arange(100.0)
    found = calibrated(levels, levels >= 50.0)
    assert found is not None and found.slope > 0.0
    told = found.of(levels)
    assert np.isfinite(told).all() and told[0] < 0.05 < 0.95 < told[-1]


def test_too_few_hits_or_misses_tell_no_probability() -> None:
    levels = np.arange(100.0)
    assert calibrated(levels, levels < 19.0) is None
    assert calibrated(levels, levels >= 19.0) is None
    assert judged(np.full(5, 0.1), np.zeros(5, bool), 0.5) is None


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    draws = np.random.default_rng(3)
    told, hits = draws.integers(0, 6, 60) / 6.0, draws.random(60) < 0.4
    right = [
        1.0 if yes > no else 0.5 if yes == no else 0.0 for yes in told[hits] for no in told[~hits]
    ]
    assert area(told, hits) == pytest.approx(np.mean(right))


def test_counts_behind_precision_and_recall_are_counted_by_hand() -> None:
    told = np.array([0.9, 0.8, 0.4, 0.3, 0.2])
    hits = np.array([True, False, True, False, False])
    verdict = judged(told, hits, 0.35)
    assert verdict is not None
    assert (verdict.precision, verdict.recall, verdict.accuracy) == (2 / 3, 1.0, 0.8)
    assert verdict.log_loss == pytest.approx(-np.log([0.9, 0.2, 0.4, 0.7, 0.8]).mean())
    assert verdict.base == 0.4 and verdict.pairs == 5


def test_the_threshold_is_the_one_of_the_best_harmonic_mean() -> None:
    draws = np.random.default_rng(5)
    told = draws.random(200)
    hits = draws.random(200) < told

    def harmonic(threshold: float) -> float:
        yes = told >= threshold
        return float(2 * (yes & hits).sum() / (yes.sum() + hits.sum()))

    assert harmonic(best_threshold(told, hits)) == max(harmonic(value) for value in told)
