"""Items whose texts resemble those in the subject's past, by the frozen base model's vectors.

Reaches items that nobody has taken up yet. An item's own past does not count towards itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.engine.arrays import F32, I64, Settings, Tensors
from training.engine.history import Past
from training.engine.reasons import NO_CAUSE, Cause
from training.engine.sources.source import Ground, per_item


@dataclass(frozen=True)
class Content:
    """vector: float32 [items, dimensions], unit length, zero rows where there is no text."""

    vector: F32
    half_life_days: float

    def score(self, past: Past, now: float) -> F32:
        items, amounts = self._amounts(past, now)
        scores = self.vector @ (amounts @ self.vector[items])
        scores[items] -= amounts * (self.vector[items] ** 2).sum(axis=1)
        return np.asarray(scores / max(float(np.abs(amounts).sum()), 1e-9), dtype=np.float32)

    def score_all(self, pasts: Sequence[Past], now: float) -> F32:
        told = [self._amounts(past, now) for past in pasts]
        wishes = np.stack([amounts @ self.vector[items] for items, amounts in told])
        scores = wishes @ self.vector.T
        for row, (items, amounts) in zip(scores, told, strict=True):
            row[items] -= amounts * (self.vector[items] ** 2).sum(axis=1)
            row /= max(float(np.abs(amounts).sum()), 1e-9)
        return np.asarray(scores, dtype=np.float32)

    def level(self, scores: F32) -> F32:
        return 10.0 * scores

    def causes(self, past: Past, now: float, items: list[int]) -> list[Cause]:
        met, amounts = self._amounts(past, now)
        alike = amounts[:, None] * (self.vector[met] @ self.vector[items].T)  # [met, items]
        alike[met[:, None] == np.array(items)] = -np.inf
        best = np.argmax(alike, axis=0)
        return [
            Cause("similar_text", int(met[row])) if alike[row, column] > 0.0 else NO_CAUSE
            for column, row in enumerate(best)
        ]

    def tensors(self) -> Tensors:
        return {"vector": self.vector}

    def settings(self) -> Settings:
        return {"half_life_days": self.half_life_days}

    def _amounts(self, past: Past, now: float) -> tuple[I64, F32]:
        return per_item(past, past.decayed(now, self.half_life_days))


def fit(ground: Ground, settings: Settings) -> Content:
    """Take the ground's text vectors as they are. Needs `ground.text`."""
    if ground.text is None:
        raise ValueError("content similarity needs text vectors")
    length = np.linalg.norm(ground.text, axis=1, keepdims=True)
    unit = ground.text / np.maximum(length, 1e-9)
    return Content(unit.astype(np.float32), float(settings["half_life_days"]))


def restore(tensors: Tensors, settings: Settings) -> Content:
    return Content(tensors["vector"], float(settings["half_life_days"]))
