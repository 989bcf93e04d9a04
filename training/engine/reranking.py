"""Puts a ranking in another order for the sake of the whole list: less alike, or less of what is
popular anyway. Pure functions over the items of one list, best first; they add and drop none.
"""

import numpy as np

from training.engine.arrays import F32, F64, I64


def diversified(scores: F32, vectors: F32, trade: float) -> I64:
    """Places of the items in their new order, int64 [n]: each next one has the best mixture of its
    score and its distance from those before it.

    scores: float32 [n]; vectors: float32 [n, d], unit length or zero; trade: 0 keeps the order of
    the scores, 1 looks at distance alone. Maximal marginal relevance, Carbonell & Goldstein 1998,
    scores brought between 0 and 1. ValueError for a trade beyond.
    """
    _between(trade)
    count = len(scores)
    alike = vectors @ vectors.T
    worth = (1.0 - trade) * _spread_out(scores)
    nearest = np.zeros(count)
    left = np.ones(count, dtype=np.bool_)
    order = np.empty(count, dtype=np.int64)
    for place in range(count):
        value = np.where(left, worth - trade * nearest, -np.inf)
        chosen = int(np.argmax(value))
        order[place] = chosen
        left[chosen] = False
        nearest = alike[chosen] if place == 0 else np.maximum(nearest, alike[chosen])
    return order


def less_popular(scores: F32, popularity: F64, strength: float) -> I64:
    """Places of the items in their new order, int64 [n]: scores less the log of how popular an item
    is, both in standard deviations of this list.

    scores: float32 [n]; popularity: float64 [n], shares of people above 0; strength: 0 keeps the
    order of the scores, 1 weighs both alike. ValueError for a strength beyond.
    """
    _between(strength)
    moved = _standard(scores) - strength * _standard(np.log(popularity))
    return np.argsort(-moved, kind="stable").astype(np.int64)


def _between(share: float) -> None:
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"between 0 and 1, not {share}")


def _spread_out(scores: F32) -> F64:
    low = float(scores.min(initial=np.inf))
    span = float(scores.max(initial=-np.inf)) - low
    return np.asarray((scores - low) / (span if span > 0.0 else 1.0), dtype=np.float64)


def _standard(values: F32 | F64) -> F64:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-12), dtype=np.float64)
