"""How probable an act is: a version's levels and how lately and often a subject acts, turned into
probabilities that a recommended item is taken up in the window after it was shown, and how well
those hold. Pure functions.

A pair is one item in the first places of one subject's list; its hit is whether the subject took it
up in the window. A pair's weight is how many pairs it stands for.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from training.engine.arrays import DAY, F32, F64, Mask
from training.engine.history import Past

_ROUNDS = 100  # of Newton's method; it needs about ten
_HALVINGS = 30  # of one step, until it no longer overshoots
_NEAR = 1e-10  # movement at which it has arrived
_STILL = 1e-9  # spread of a column, beside its size, that says nothing
_STEADY = 1e-6  # keeps the curve's bend above zero where hits and misses part perfectly
BINS = 10
FEWEST_HITS = 20  # fewer tell no probability


@dataclass(frozen=True)
class Calibration:
    """Probability of a level: 1 / (1 + exp(-(slope * level + quiet * how long the subject has been
    quiet + busy * how busy it was + offset))), as `activity` measures both in windows of `days`."""

    slope: float
    offset: float
    quiet: float = 0.0
    busy: float = 0.0
    days: float = 1.0

    @classmethod
    def told(cls, record: dict[str, Any] | None) -> "Calibration | None":
        """That of a manifest, None where it tells none, or one of an earlier release, which held
        for people alone who came back."""
        if not record or "quiet" not in record:
            return None
        names = ("slope", "offset", "quiet", "busy", "days")
        return cls(**{name: float(record[name]) for name in names})

    def of(self, levels: F64 | F32, quiet: F64 | float = 0.0, busy: F64 | float = 0.0) -> F64:
        """float64 of the shape of `levels`, between 0 and 1."""
        odds = self.slope * levels + self.quiet * quiet + self.busy * busy + self.offset
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * odds)))

    def of_subject(self, levels: F64 | F32, past: Past, now: float) -> F64:
        """Probabilities of a list's items for the subject of a past that is not empty."""
        return self.of(levels, *activity(past, now, self.days))


def activity(past: Past, now: float, days: float) -> tuple[float, float]:
    """How long a subject has been quiet, the log of windows of `days` since its last act, and how
    busy it was, the log of its acts."""
    since = max(0.0, now - float(past.time.max())) / DAY / days
    return float(np.log1p(since)), float(np.log1p(len(past)))


@dataclass(frozen=True)
class Pairs:
    """levels, quiet, busy, weight: float64 [pairs]; hits: bool [pairs]."""

    levels: F64
    quiet: F64
    busy: F64
    hits: Mask
    weight: F64


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


def calibrated(pairs: Pairs, days: float = 1.0) -> Calibration | None:
    """The calibration of pairs; None where too few hits or misses tell nothing.

    Platt 1999 with his smoothed targets, by Newton's method (Lin, Lin & Weng 2007).
    """
    hits, weight = pairs.hits, pairs.weight
    if hits.sum() < FEWEST_HITS or (~hits).sum() < FEWEST_HITS:
        return None
    yes, no = float(weight[hits].sum()), float(weight[~hits].sum())
    wanted = np.where(hits, (yes + 1.0) / (yes + 2.0), 1.0 / (no + 2.0))
    told = np.stack([pairs.levels, pairs.quiet, pairs.busy])
    centre = np.average(told, axis=1, weights=weight)
    spread = np.sqrt(np.average((told - centre[:, None]) ** 2, axis=1, weights=weight))
    spread = np.where(spread > _STILL * (1.0 + np.abs(centre)), spread, np.inf)
    x = np.concatenate([(told - centre[:, None]) / spread[:, None], np.ones((1, len(hits)))])
    found = _fitted(x, wanted, weight / weight.mean(), np.log(yes / no))
    if found is None:
        return None
    slopes = found[:3] / spread
    slope, quiet, busy = slopes.tolist()
    return Calibration(slope, float(found[3] - slopes @ centre), quiet, busy, days)


def _fitted(x: F64, wanted: F64, scale: F64, start: float) -> F64 | None:
    """Weights of the rows of x, float64 [rows], whose last one is all ones and begins at `start`;
    None where Newton's method does not arrive."""
    found: F64 = np.array([*np.zeros(len(x) - 1), start])
    loss = _loss(found @ x, wanted, scale)
    for _ in range(_ROUNDS):
        chance = 0.5 * (1.0 + np.tanh(0.5 * (found @ x)))
        bend = (x * (scale * chance * (1.0 - chance))) @ x.T + _STEADY * np.eye(len(x))
        step = np.linalg.solve(bend, x @ (scale * (chance - wanted)))
        for _ in range(_HALVINGS):
            new = _loss((found - step) @ x, wanted, scale)
            if new <= loss:
                break
            step = 0.5 * step
        found, loss = found - step, new
        if np.abs(step).max() < _NEAR * (1.0 + np.abs(found).max()):
            return found
    return None


def _loss(odds: F64, wanted: F64, scale: F64) -> float:
    """Cross-entropy of odds."""
    return float((scale * (np.logaddexp(0.0, odds) - wanted * odds)).sum())


def best_threshold(told: F64, hits: Mask, weight: F64) -> float:
    """The probability from which on a yes has the best harmonic mean of precision and recall."""
    order = np.argsort(-told, kind="stable")
    found = np.cumsum((weight * hits)[order])
    score = 2.0 * found / (np.cumsum(weight[order]) + found[-1])
    return float(told[order[int(np.argmax(score))]])


def judged(told: F64, hits: Mask, weight: F64, threshold: float) -> Verdict | None:
    """How well probabilities hold on pairs, all [pairs]; None without hits or without misses."""
    if not hits.any() or hits.all():
        return None
    base = float(np.average(hits, weights=weight))
    yes = told >= threshold
    right = float(weight[yes & hits].sum())
    return Verdict(
        pairs=len(hits),
        base=base,
        auc=area(told, hits, weight),
        log_loss=_log_loss(told, hits, weight),
        log_loss_of_base=_log_loss(np.full(len(hits), base), hits, weight),
        threshold=threshold,
        accuracy=float(np.average(yes == hits, weights=weight)),
        precision=right / max(1e-12, float(weight[yes].sum())),
        recall=right / float(weight[hits].sum()),
        curve=_curve(told, hits, weight),
    )


def area(told: F64, hits: Mask, weight: F64) -> float:
    """Area under the ROC curve: the share of pairs of a hit and a miss in which the hit has the
    higher value, ties half (Mann & Whitney 1947)."""
    values, at = np.unique(told, return_inverse=True)
    yes = np.bincount(at, weights=weight * hits, minlength=len(values))
    no = np.bincount(at, weights=weight * ~hits, minlength=len(values))
    below = np.cumsum(no) - 0.5 * no
    return float((yes * below).sum() / (yes.sum() * no.sum()))


def _log_loss(told: F64, hits: Mask, weight: F64) -> float:
    sure = np.clip(np.where(hits, told, 1.0 - told), 1e-12, 1.0)
    return float(-np.average(np.log(sure), weights=weight))


def _curve(told: F64, hits: Mask, weight: F64) -> list[tuple[float, float, int]]:
    parts = np.array_split(np.argsort(told, kind="stable"), min(BINS, len(told)))
    return [
        (
            float(np.average(told[part], weights=weight[part])),
            float(np.average(hits[part], weights=weight[part])),
            len(part),
        )
        for part in parts
    ]
