"""What every source of scores offers: a score for each item, a reason for one, and its own storage.

A source is inductive: it holds nothing about single subjects, only what their past adds up to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from training.engine.arrays import F32, F64, I64, Settings, Tensors
from training.engine.history import Past
from training.engine.reasons import Cause
from training.engine.snapshot import Snapshot


class Source(Protocol):
    """Scores the whole catalogue for one subject's past."""

    def score(self, past: Past, now: float) -> F32:
        """Higher is better, float32 [items]. `past` is not empty; `now` is epoch seconds."""
        ...

    def score_all(self, pasts: Sequence[Past], now: float) -> F32:
        """What `score` gives for each of several pasts, float32 [pasts, items], in fewer and
        larger sums. How many are held at once is the caller's choice."""
        ...

    def level(self, scores: F32, items: I64) -> F32:
        """The scores of some items out of those of all, brought to a scale that means the same
        for every subject; float32, the shape of `items`."""
        ...

    def causes(self, past: Past, now: float, items: list[int]) -> list[Cause]:
        """Why this source scores each of `items` (positions) as it does for this past."""
        ...

    def tensors(self) -> Tensors:
        """What must be stored to restore the source."""
        ...

    def settings(self) -> Settings:
        """The plain values that must be stored beside the tensors."""
        ...


@dataclass(frozen=True)
class Ground:
    """What a source may be fitted on: the events before `moment`, and the items' text vectors.

    text: float32 [items, text dimensions], zero rows where there is no text; None where no base
    reads this tenant's text. characters: what a reading of characters tells beside them, same
    rule.
    """

    snapshot: Snapshot
    moment: float
    text: F32 | None
    characters: F32 | None = None

    @property
    def item_count(self) -> int:
        """Number of items in the catalogue."""
        return len(self.snapshot.catalogue)


def one_by_one(source: Source, pasts: Sequence[Past], now: float) -> F32:
    """`score_all` of a source whose single scores are as quick as any."""
    return np.stack([source.score(past, now) for past in pasts])


def per_item(past: Past, amounts: F64) -> tuple[I64, F32]:
    """Distinct items of a past and the sum of `amounts` on each, two arrays of the same length."""
    items, inverse = np.unique(past.item, return_inverse=True)
    return items, np.bincount(inverse, weights=amounts, minlength=len(items)).astype(np.float32)
