"""Items whose texts resemble those in the subject's past, by what the frozen base model and their
characters tell.

Reaches items that nobody has taken up yet. An item's own past does not count towards itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.engine.arrays import F32, I64, Settings, Tensors
from training.engine.history import Past
from training.engine.reasons import NO_CAUSE, Cause
from training.engine.sources.source import Ground, per_item

ALIKE, FOLLOWS = "similar_text", "follows_text"


@dataclass(frozen=True)
class Content:
    """vector: float32 [items, dimensions], what the base reads; characters: the same of their
    characters, None where these were not read beside it; both of unit length, zero rows where there
    is no text. What counts is the mean of both cosines. code: what its reasons say."""

    vector: F32
    characters: F32 | None
    half_life_days: float
    code: str = ALIKE

    def score(self, past: Past, now: float) -> F32:
        return np.asarray(self.score_all([past], now)[0], dtype=np.float32)

    def score_all(self, pasts: Sequence[Past], now: float) -> F32:
        told = [self._amounts(past, now) for past in pasts]
        scores = np.zeros((len(pasts), len(self.vector)), dtype=np.float32)
        for view in self._views:
            scores += np.stack([amounts @ view[items] for items, amounts in told]) @ view.T
            for row, (items, amounts) in zip(scores, told, strict=True):
                row[items] -= amounts * (view[items] ** 2).sum(axis=1)
        sizes = [max(float(np.abs(amounts).sum()), 1e-9) for _, amounts in told]
        scores /= np.array(sizes, dtype=np.float32)[:, None] * np.float32(len(self._views))
        return scores

    def level(self, scores: F32, items: I64) -> F32:
        return 10.0 * scores[items]

    def causes(self, past: Past, now: float, items: list[int]) -> list[Cause]:
        met, amounts = self._amounts(past, now)
        alike = sum(view[met] @ view[items].T for view in self._views)
        alike = amounts[:, None] * alike  # [met, items]
        alike[met[:, None] == np.array(items)] = -np.inf
        best = np.argmax(alike, axis=0)
        return [
            Cause(self.code, int(met[row])) if alike[row, column] > 0.0 else NO_CAUSE
            for column, row in enumerate(best)
        ]

    def tensors(self) -> Tensors:
        beside = {} if self.characters is None else {"characters": self.characters}
        return {"vector": self.vector, **beside}

    def settings(self) -> Settings:
        return {"half_life_days": self.half_life_days, "code": self.code}

    @property
    def _views(self) -> tuple[F32, ...]:
        return (self.vector,) if self.characters is None else (self.vector, self.characters)

    def _amounts(self, past: Past, now: float) -> tuple[I64, F32]:
        return per_item(past, past.decayed(now, self.half_life_days))


def fit(ground: Ground, settings: Settings) -> Content:
    """Take the ground's text vectors as they are. Needs `ground.text`."""
    if ground.text is None:
        raise ValueError("content similarity needs text vectors")
    beside = None if ground.characters is None else _unit(ground.characters)
    return Content(_unit(ground.text), beside, float(settings["half_life_days"]))


def restore(tensors: Tensors, settings: Settings) -> Content:
    beside = tensors.get("characters")  # an earlier release had none
    code = str(settings.get("code", ALIKE))
    return Content(tensors["vector"], beside, float(settings["half_life_days"]), code)


def _unit(vectors: F32) -> F32:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), dtype=np.float32)
