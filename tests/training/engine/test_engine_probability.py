"""Probabilities of acts: they recover what made the hits; the figures are those of the books."""

import numpy as np
import pytest

from training.engine.arrays import DAY, F64, Mask
from training.engine.history import Past
from training.engine.probability import (
    Calibration,
    Pairs,
    activity,
    area,
    best_threshold,
    calibrated,
    judged,
)

TRUE = Calibration(slope=1.7, offset=-2.0, quiet=-0.8, busy=0.4)


def pairs(count: int, seed: int = 1) -> Pairs:
    """As `TRUE` makes them."""
    draws = np.random.default_rng(seed)
    levels = draws.normal(size=count) * 3.0 + 1.0
    quiet, busy = draws.exponential(size=count), draws.normal(size=count) + 2.0
    hits = draws.random(count) < TRUE.of(levels, quiet, busy)
    return Pairs(levels, quiet, busy, hits, np.ones(count))


def told_of(found: Calibration, some: Pairs) -> F64:
    return found.of(some.levels, some.quiet, some.busy)


def plain(levels: F64, hits: Mask) -> Pairs:
    """Pairs of one subject."""
    still = np.zeros(len(levels))
    return Pairs(levels, still, still, hits, np.ones(len(levels)))


def test_what_made_the_hits_is_found_again() -> None:
    found = calibrated(pairs(200_000))
    assert found is not None
    told = (found.slope, found.offset, found.quiet, found.busy)
    assert told == pytest.approx((TRUE.slope, TRUE.offset, TRUE.quiet, TRUE.busy), abs=0.04)


def test_who_stands_for_many_counts_as_many() -> None:
    """A tenth of the misses, each for ten, tell what all of them do."""
    whole = pairs(200_000)
    kept = whole.hits | (np.arange(200_000) % 10 == 0)
    some = {name: value[kept] for name, value in vars(whole).items()}
    some["weight"] = np.where(some["hits"], 1.0, 10.0)
    found, every = calibrated(Pairs(**some)), calibrated(whole)
    assert found is not None and every is not None
    assert (found.slope, found.offset) == pytest.approx((every.slope, every.offset), abs=0.1)
    verdict = judged(told_of(every, Pairs(**some)), some["hits"], some["weight"], 0.5)
    assert verdict is not None
    assert verdict.base == pytest.approx(whole.hits.mean(), abs=0.005)
    right = area(told_of(every, whole), whole.hits, whole.weight)
    assert verdict.auc == pytest.approx(right, abs=0.01)


@pytest.mark.parametrize("each", [400.0, 800.0])
def test_few_hits_among_very_many_still_get_a_calibration_that_holds(each: float) -> None:
    """Weights of hundreds made a whole step overshoot; and a floor under the misses that is meant
    for unweighted pairs would lift all probabilities."""
    draws = np.random.default_rng(7)
    came, gone = 20_000, 2_500
    levels = np.concatenate([draws.normal(1.0, 1.0, came), draws.normal(0.0, 1.0, gone)])
    quiet = np.concatenate([draws.exponential(0.5, came), draws.exponential(4.0, gone)])
    hits = np.zeros(came + gone, bool)
    hits[:came] = draws.random(came) < TRUE.of(levels[:came]) / 4.0
    weight = np.repeat([1.0, each], [came, gone])
    some = Pairs(levels, quiet, np.full(came + gone, np.log1p(500.0)), hits, weight)
    found = calibrated(some)
    assert found is not None and found.busy == 0.0  # what stands still says nothing
    told = told_of(found, some)
    assert np.average(told, weights=weight) == pytest.approx(
        np.average(hits, weights=weight), rel=0.02
    )
    assert told.max() < 0.999


def test_how_lately_and_how_often_is_measured_in_windows_and_acts() -> None:
    past = Past(
        item=np.arange(3),
        time=np.array([0.0, 5.0, 10.0]) * DAY,
        weight=np.ones(3, np.float32),
        type=np.ones(3, np.int64),
        value=np.zeros(3, np.float32),
    )
    quiet, busy = activity(past, 24.0 * DAY, days=7.0)
    assert (quiet, busy) == pytest.approx((np.log(3.0), np.log(4.0)))
    told = TRUE.of_subject(np.array([0.5]), past, 24.0 * DAY)
    assert told != TRUE.of(np.array([0.5]))


def test_what_an_earlier_release_told_is_no_calibration() -> None:
    assert Calibration.told(None) is None
    assert Calibration.told({"slope": 1.0, "offset": 0.0, "days": 7.0}) is None
    assert Calibration.told(vars(TRUE)) == TRUE


def test_told_probabilities_come_true_on_new_pairs() -> None:
    found = calibrated(pairs(20_000))
    new = pairs(20_000, seed=2)
    assert found is not None
    verdict = judged(told_of(found, new), new.hits, new.weight, 0.5)
    assert verdict is not None and len(verdict.curve) == 10
    assert all(true == pytest.approx(told, abs=0.03) for told, true, _ in verdict.curve)
    assert verdict.log_loss < 0.6 * verdict.log_loss_of_base


def test_hits_that_part_perfectly_from_misses_still_get_a_calibration() -> None:
    levels = np.arange(100.0)
    found = calibrated(plain(levels, levels >= 50.0))
    assert found is not None and found.slope > 0.0
    told = found.of(levels)
    assert np.isfinite(told).all() and told[0] < 0.05 < 0.95 < told[-1]


def test_too_few_hits_or_misses_tell_no_probability() -> None:
    levels = np.arange(100.0)
    assert calibrated(plain(levels, levels < 19.0)) is None
    assert calibrated(plain(levels, levels >= 19.0)) is None
    assert judged(np.full(5, 0.1), np.zeros(5, bool), np.ones(5), 0.5) is None


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    draws = np.random.default_rng(3)
    told, hits = draws.integers(0, 6, 60) / 6.0, draws.random(60) < 0.4
    right = [
        1.0 if yes > no else 0.5 if yes == no else 0.0 for yes in told[hits] for no in told[~hits]
    ]
    assert area(told, hits, np.ones(60)) == pytest.approx(np.mean(right))


def test_counts_behind_precision_and_recall_are_counted_by_hand() -> None:
    told = np.array([0.9, 0.8, 0.4, 0.3, 0.2])
    hits = np.array([True, False, True, False, False])
    verdict = judged(told, hits, np.ones(5), 0.35)
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

    assert harmonic(best_threshold(told, hits, np.ones(200))) == max(
        harmonic(value) for value in told
    )
