"""The subject's own past: each item scores the decayed weight of the subject's events on it.

On shops where people buy again this beats far larger models; it knows no item the subject has not
met.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.engine.arrays import F32, I64, Settings, Tensors
from training.engine.history import Past
from training.engine.reasons import NO_CAUSE, Cause
from training.engine.sources.popularity import popular_share
from training.engine.sources.source import Ground, one_by_one

# Small against any decayed event that still counts, so that popularity only orders what is equal.
TIE_BREAK = 1e-6
TIE_DAYS = 30.0


@dataclass(frozen=True)
class Own:
    """tie: float32 [items], recent popularity that orders items of equal score."""

    tie: F32
    half_life_days: float

    def score(self, past: Past, now: float) -> F32:
        amounts = past.decayed(now, self.half_life_days)
        total = np.bincount(past.item, weights=amounts, minlength=len(self.tie))
        return (total + TIE_BREAK * self.tie).astype(np.float32)

    def score_all(self, pasts: Sequence[Past], now: float) -> F32:
        return one_by_one(self, pasts, now)

    def level(self, scores: F32, items: I64) -> F32:
        return np.log1p(4.0 * np.maximum(scores[items], 0.0)).astype(np.float32)

    def causes(self, past: Past, now: float, items: list[int]) -> list[Cause]:
        return [bought_before(past, now, item, self.tie) for item in items]

    def tensors(self) -> Tensors:
        return {"tie": self.tie}

    def settings(self) -> Settings:
        return {"half_life_days": self.half_life_days}


def bought_before(past: Past, now: float, item: int, tie: F32) -> Cause:
    """That the subject chose the item before, or else that others take it up. An act against it,
    such as a dislike, is no choice."""
    past = past.chosen()
    mine = past.item == item
    if not mine.any():
        popular = Cause("popular_now", params={"window_days": int(TIE_DAYS)})
        return popular if tie[item] > 0.0 else NO_CAUSE
    youngest = float(past.age_days(now)[mine].min())
    return Cause("bought_before", item, {"times": int(mine.sum()), "days_ago": int(youngest)})


def fit(ground: Ground, settings: Settings) -> Own:
    """Nothing is learned but the tie-break; the half-life is chosen by whoever tunes."""
    return Own(popular_share(ground, TIE_DAYS), float(settings["half_life_days"]))


def restore(tensors: Tensors, settings: Settings) -> Own:
    return Own(tensors["tie"], float(settings["half_life_days"]))
