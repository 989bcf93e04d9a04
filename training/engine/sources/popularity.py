"""What everybody took up lately: the weight of events in a window before a moment. Ignores the
subject."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.engine.arrays import DAY, F32, F64, I64, Settings, Tensors
from training.engine.history import Past
from training.engine.reasons import Cause
from training.engine.sources.source import Ground


@dataclass(frozen=True)
class Popularity:
    """share: float32 [items], weight of each item in the window as a share of the most popular
    one."""

    share: F32
    window_days: int

    def score(self, past: Past, now: float) -> F32:
        return self.share

    def score_all(self, pasts: Sequence[Past], now: float) -> F32:
        return np.broadcast_to(self.share, (len(pasts), len(self.share)))

    def level(self, scores: F32, items: I64) -> F32:
        return np.log1p(100.0 * np.maximum(scores[items], 0.0)).astype(np.float32)

    def causes(self, past: Past, now: float, items: list[int]) -> list[Cause]:
        return [Cause("popular_now", params={"window_days": self.window_days}) for _ in items]

    def tensors(self) -> Tensors:
        return {"share": self.share}

    def settings(self) -> Settings:
        return {"window_days": self.window_days}


def fit(ground: Ground, settings: Settings) -> Popularity:
    """Count the `window_days` before the ground's moment."""
    days = int(settings["window_days"])
    return Popularity(popular_share(ground, float(days)), days)


def popular_share(ground: Ground, days: float) -> F32:
    """Weight per item in the last `days`, float32 [items], 1 for the most popular item, never
    below 0."""
    events = ground.snapshot.events
    recent = (events.time < ground.moment) & (events.time >= ground.moment - days * DAY)
    weight = np.bincount(
        events.item[recent], weights=events.weight[recent], minlength=ground.item_count
    )
    return share_of(weight.astype(np.float64))


def share_of(weight: F64) -> F32:
    """Weights of all items as shares of the greatest, float32 [items], never below 0."""
    positive = np.maximum(weight, 0.0)
    return np.asarray(positive / max(positive.max(), 1e-9), dtype=np.float32)


def restore(tensors: Tensors, settings: Settings) -> Popularity:
    return Popularity(tensors["share"], int(settings["window_days"]))
