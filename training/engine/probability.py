"""How probable an act is: a version's levels turned into probabilities that a recommended item is
taken up in the window after it was shown, and how well those hold. Pure functions.

A pair is one item in the first places of one person's list; its hit is whether the person took it
up in the window.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from training.engine.arrays import F32, F64, Mask

_ROUNDS = 100  # of Newton's method; it needs about ten
_NEAR = 1e-10  # movement at which it has arrived
_STEADY = 1e-6  # keeps the curve's bend above zero where hits and misses part perfectly
BINS = 10
FEWEST_HITS = 20  # fewer tell no probability


@dataclass(frozen=True)
class Calibration:
    """Probability of a level: 1 / (1 + exp(-(slope * level + offset)))."""

    slope: float
    offset: float

    @classmethod
    def told(cls, record: dict[str, Any] | None) -> "Calibration | None":
        """That of a manifest, None where it tells none."""
        return cls(record["slope"], record["offset"]) if record else None

    def of(self, levels: F64 | F32) -> F64:
        """float64 of the same shape, between 0 and 1."""
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * (self.slope * levels + self.offset))))


@dataclass(frozen=True)
class Verdict:
    """What probabilities were worth on pairs that they were not fitted on. base: share of hits;
    auc: how often a hit has the higher one than a miss; log_loss: binary cross-entropy in nats,
    log_loss_of_base: of telling everybody the base; threshold: what counts as yes; accuracy,
    precision, recall: of yes and no by it; curve: (probability told, share that came true, pairs)
    in bins of equally many pairs."""

    pairs: int
    base: float
    auc: float
    log_loss: float
    log_loss_of_base: float
    threshold: float
    accuracy: float
    precision: float
    recall: float
    curve: list[tuple[float, float, int]]


def calibrated(levels: F64, hits: Mask) -> Calibration | None:
    """The calibration of pairs, both [pairs]; None where too few hits or misses tell nothing.

    Platt 1999 with his smoothed targets, by Newton's method (Lin, Lin & Weng 2007).
    """
    many = int(hits.sum())
    if many < FEWEST_HITS or len(hits) - many < FEWEST_HITS:
        return None
    wanted = np.where(hits, (many + 1.0) / (many + 2.0), 1.0 / (len(hits) - many + 2.0))
    centre, spread = float(levels.mean()), float(levels.std()) or 1.0
    x = np.stack([(levels - centre) / spread, np.ones(len(levels))])
    weights = np.array([0.0, np.log(many / (len(hits) - many))])
    for _ in range(_ROUNDS):
        told = Calibration(*weights).of(x[0])
        bend = (x * (told * (1.0 - told))) @ x.T + _STEADY * np.eye(2)
        step = np.linalg.solve(bend, x @ (told - wanted))
        weights = weights - step
        if np.abs(step).max() < _NEAR:
            break
    slope = float(weights[0]) / spread
    return Calibration(slope, float(weights[1]) - slope * centre)


def best_threshold(told: F64, hits: Mask) -> float:
    """The probability from which on a yes has the best harmonic mean of precision and recall."""
    order = np.argsort(-told, kind="stable")
    found = np.cumsum(hits[order])
    score = 2.0 * found / (np.arange(1, len(order) + 1) + hits.sum())
    return float(told[order[int(np.argmax(score))]])


def judged(told: F64, hits: Mask, threshold: float) -> Verdict | None:
    """How well probabilities hold on pairs, both [pairs]; None without hits or without misses."""
    if not hits.any() or hits.all():
        return None
    base = float(hits.mean())
    yes = told >= threshold
    right = int((yes & hits).sum())
    return Verdict(
        pairs=len(hits),
        base=base,
        auc=area(told, hits),
        log_loss=_log_loss(told, hits),
        log_loss_of_base=_log_loss(np.full(len(hits), base), hits),
        threshold=threshold,
        accuracy=float((yes == hits).mean()),
        precision=right / max(1, int(yes.sum())),
        recall=right / int(hits.sum()),
        curve=_curve(told, hits),
    )


def area(told: F64, hits: Mask) -> float:
    """Area under the ROC curve: the share of pairs of a hit and a miss in which the hit has the
    higher value, ties half (Mann & Whitney 1947)."""
    values, at, times = np.unique(told, return_inverse=True, return_counts=True)
    middle = np.cumsum(times) - (times - 1) / 2.0  # mean rank of equal values
    many = int(hits.sum())
    ranks = float(middle[at][hits].sum())
    return (ranks - many * (many + 1) / 2.0) / (many * (len(values[at]) - many))


def _log_loss(told: F64, hits: Mask) -> float:
    sure = np.clip(np.where(hits, told, 1.0 - told), 1e-12, 1.0)
    return float(-np.log(sure).mean())


def _curve(told: F64, hits: Mask) -> list[tuple[float, float, int]]:
    parts = np.array_split(np.argsort(told, kind="stable"), min(BINS, len(told)))
    return [(float(told[p].mean()), float(hits[p].mean()), len(p)) for p in parts]
