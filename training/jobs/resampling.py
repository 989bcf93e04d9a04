"""Paired comparison of rankings on the same subjects by the bootstrap. Pure functions.

Method: percentile bootstrap over subjects (Efron & Tibshirani 1993, chapter 13), and Holm (1979)
where several comparisons share one claim.
"""

from dataclasses import dataclass

import numpy as np

from training.engine.arrays import F64, I64

DRAWS = 10_000
SEED = 20_260_301  # any number would do; it must be the same at every look
_PART = 200  # draws at once: 200 x 2,500 subjects are 4 MB


@dataclass(frozen=True)
class Difference:
    """Means of ours - theirs over the subjects. low, high: 95 % interval; drawn: float64 [DRAWS],
    the means of the resamples."""

    low: float
    centre: float
    high: float
    drawn: F64

    def chance_at_most(self, bound: float) -> float:
        """One-sided p of "the difference is at most `bound`": never 0, since draws are finite."""
        return float((1 + (self.drawn <= bound).sum()) / (1 + len(self.drawn)))

    def chance_at_least(self, bound: float) -> float:
        """One-sided p of "the difference is at least `bound`"."""
        return float((1 + (self.drawn >= bound).sum()) / (1 + len(self.drawn)))

    def interval(self) -> list[float]:
        """[low, centre, high], rounded for the record."""
        return [round(self.low, 5), round(self.centre, 5), round(self.high, 5)]


def paired(ours: F64, theirs: dict[str, F64]) -> dict[str, Difference]:
    """Compare `ours`, float64 [units], with each of `theirs` on the same resamples of the units.

    ValueError when there is no unit, or when arrays differ in length.
    """
    if not len(ours) or any(len(values) != len(ours) for values in theirs.values()):
        raise ValueError("paired comparison needs the same units on both sides")
    if not theirs:
        return {}
    table = np.stack([ours - values for values in theirs.values()], axis=1)  # [units, rivals]
    generator = np.random.default_rng(SEED)
    drawn = np.concatenate(
        [_times_drawn(generator, len(ours)) @ table for _ in range(DRAWS // _PART)]
    ) / len(ours)  # [DRAWS, rivals]
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    centre = table.mean(axis=0)
    return {
        name: Difference(float(low[at]), float(centre[at]), float(high[at]), drawn[:, at])
        for at, name in enumerate(theirs)
    }


def holm(chances: dict[str, float]) -> dict[str, float]:
    """p values adjusted so that the chance of any false claim among them stays below the level."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(chances, key=lambda name: chances[name])):
        highest = max(highest, (len(chances) - rank) * chances[name])
        adjusted[name] = min(1.0, highest)
    return adjusted


def _times_drawn(generator: np.random.Generator, units: int) -> F64:
    """How often each unit is drawn in each of _PART resamples, float64 [_PART, units]."""
    rows: I64 = generator.integers(0, units, (_PART, units))
    places = rows + units * np.arange(_PART)[:, None]
    counted = np.bincount(places.ravel(), minlength=_PART * units)
    return counted.reshape(_PART, units).astype(np.float64)
