"""Figures of recommended lists beyond hits: how the catalogue is used, how far from the crowd, how
unlike each other, and how true to a subject's own mix. Pure functions.

A list holds positions in the catalogue, best first; -1 where it is shorter.
"""

import numpy as np

from training.engine.arrays import F32, F64, I64

_SMOOTHING = 0.01  # share of the subject's own mix that keeps a list's mix from being 0


def exposures(lists: I64, items: int) -> I64:
    """How often each item stands in the lists [lists, places], int64 [items]."""
    return np.bincount(lists[lists >= 0], minlength=items).astype(np.int64)


def coverage(shown: I64, offered: int) -> float:
    """Share of the `offered` items that some list shows. shown: int64 [items], exposures."""
    return float((shown > 0).sum() / max(1, offered))


def gini(shown: I64, offered: int) -> float:
    """Inequality of exposure among the `offered` items: 0 where all are shown alike, near 1 where
    one takes all. Items never shown count with 0; no more than `offered` may be shown."""
    amounts = np.zeros(offered, dtype=np.float64)
    positive = np.sort(shown[shown > 0])
    if len(positive) == 0:
        return 0.0
    amounts[offered - len(positive) :] = positive
    places = np.arange(1, offered + 1)
    return float((2.0 * places - offered - 1).dot(amounts) / (offered * amounts.sum()))


def novelty(listed: I64, popularity: F64) -> float:
    """Mean of -log2 of the share of subjects that took each listed item up (Vargas & Castells,
    RecSys 2011), in bits. popularity: float64 [items], shares above 0."""
    real = listed[listed >= 0]
    return float(-np.log2(popularity[real]).mean()) if len(real) else 0.0


def diversity(listed: I64, vectors: F32) -> float:
    """Mean cosine distance of the pairs in a list (Ziegler et al., WWW 2005). vectors: float32
    [items, d], unit length or zero."""
    real = listed[listed >= 0]
    count = len(real)
    if count < 2:
        return 0.0
    alike = vectors[real] @ vectors[real].T
    between = (alike.sum() - np.trace(alike)) / (count * (count - 1))
    return float(1.0 - between)


def miscalibration(listed: I64, met: I64, group: I64) -> float:
    """How far the list's mix of groups is from that of the subject's past: Kullback-Leibler
    divergence in nats, 0 where they are alike (Steck, RecSys 2018). met: positions of the past's
    events; group: int64 [items], codes from 0."""
    real = listed[listed >= 0]
    if not len(real) or not len(met):
        return 0.0
    count = int(group.max()) + 1
    wished = np.bincount(group[met], minlength=count) / len(met)
    given = np.bincount(group[real], minlength=count) / len(real)
    given = (1.0 - _SMOOTHING) * given + _SMOOTHING * wished
    there = wished > 0
    return float((wished[there] * np.log(wished[there] / given[there])).sum())
