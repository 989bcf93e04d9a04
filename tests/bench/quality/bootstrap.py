"""Paired intervals of ratios over subjects: a subject is drawn with all of their questions."""

import numpy as np

from training.engine.arrays import F64, I64
from training.engine.metrics import Interval

DRAWS = 2_000
_AT_ONCE = 100


def paired_ratio(ours: F64, theirs: F64, subjects: I64, *, seed: int) -> Interval:
    """Percentile bootstrap of sum(ours) / sum(theirs), both float64 [questions], with its 95 %
    interval. Raises ValueError where theirs adds up to nothing."""
    _, unit = np.unique(subjects, return_inverse=True)
    above = np.bincount(unit, weights=ours)
    below = np.bincount(unit, weights=theirs)
    if not below.sum() > 0.0:
        raise ValueError("no ratio to a contender that found nothing")
    generator = np.random.default_rng(seed)
    count = len(above)
    ratios = []
    for _ in range(DRAWS // _AT_ONCE):
        drawn = generator.integers(0, count, (_AT_ONCE, count))
        ratios.append(above[drawn].sum(axis=1) / np.maximum(below[drawn].sum(axis=1), 1e-12))
    low, high = np.quantile(np.concatenate(ratios), [0.025, 0.975])
    return Interval(float(low), float(above.sum() / below.sum()), float(high))
