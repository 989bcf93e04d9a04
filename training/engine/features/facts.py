"""What features know of the items beside a person's own acts: prices, categories, since when.

Pure numpy. A bundle carries these arrays beside its item numbers, so that an answer and a page read
the same facts as the training did. How often others took an item up is no fact of the item: that
the score sources tell, each for a moment of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.engine.arrays import F32, F64, I64, Tensors

NONE = -1  # the code of an item without a category


@dataclass(frozen=True)
class ItemFacts:
    """By position in the catalogue. band: float32 [items], which share of the priced items is
    cheaper, one half of the equally dear ones counted in, NaN where no price is known; category:
    int64 [items], NONE where there is none; known_from: epoch seconds, +inf where it is unknown."""

    band: F32
    category: I64
    known_from: F64

    def tensors(self) -> Tensors:
        """All of it, as a bundle stores it."""
        return {"band": self.band, "category": self.category, "known_from": self.known_from}

    @classmethod
    def restore(cls, stored: Tensors, items: int) -> "ItemFacts":
        """The facts out of a bundle's catalogue; unknown where an earlier release made it."""
        if "band" not in stored:
            return cls.unknown(items)
        return cls(stored["band"], stored["category"], stored["known_from"])

    @classmethod
    def unknown(cls, items: int) -> "ItemFacts":
        """So many items of which nothing is known."""
        return cls(
            band=np.full(items, np.nan, dtype=np.float32),
            category=np.full(items, NONE, dtype=np.int64),
            known_from=np.full(items, np.inf),
        )


def facts_of(price: F32, category: Sequence[str], known_from: F64) -> ItemFacts:
    """The facts of a catalogue: prices with NaN and categories with "" where they are unknown."""
    names = sorted(set(category) - {""})
    code = {name: index for index, name in enumerate(names)}
    return ItemFacts(
        band=bands_of(price),
        category=np.array([code.get(name, NONE) for name in category], dtype=np.int64),
        known_from=known_from.astype(np.float64),
    )


def bands_of(price: F32) -> F32:
    """Each price as its place among all prices, 0 to 1: currencies and outliers do not matter."""
    band = np.full(len(price), np.nan, dtype=np.float32)
    priced = np.isfinite(price)
    ordered = np.sort(price[priced])
    if len(ordered):
        below = np.searchsorted(ordered, price[priced], side="left")
        up_to = np.searchsorted(ordered, price[priced], side="right")
        band[priced] = (below + up_to) / (2.0 * len(ordered))
    return band
