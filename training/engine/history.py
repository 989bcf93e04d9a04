"""A subject's past as arrays: the public `History` that a caller brings, and the `Past` that
sources read.

Pure numpy: web processes import this.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.engine.arrays import DAY, F32, F64, I64, Mask

# The event types whose value is money that was paid; of others it means something else.
PAID_TYPES = frozenset({"purchase"})


@dataclass(frozen=True)
class History:
    """Events of one subject, in any order.

    items: public item numbers, int64 [n]; times: epoch seconds, float64 [n]; weights: event-type
    weights, float32 [n], may be negative; types: event type names [n]; values: what came with each
    event, such as an amount of money or the stars of a rating, float32 [n].
    """

    items: I64
    times: F64
    weights: F32
    types: Sequence[str]
    values: F32

    @classmethod
    def empty(cls) -> "History":
        """A subject of whom nothing is known."""
        return cls(
            items=np.empty(0, np.int64),
            times=np.empty(0, np.float64),
            weights=np.empty(0, np.float32),
            types=(),
            values=np.empty(0, np.float32),
        )


@dataclass(frozen=True)
class Past:
    """Events of one subject that a bundle knows, oldest first, all arrays of length n.

    item: positions in the catalogue; time: epoch seconds; weight: event-type weight; type: code of
    the event type, 0 for one that was not in the snapshot; value: money that was paid, else 0.
    """

    item: I64
    time: F64
    weight: F32
    type: I64
    value: F32

    @classmethod
    def empty(cls) -> "Past":
        """A subject without events."""
        number, plain = np.empty(0, dtype=np.int64), np.empty(0, np.float32)
        return cls(number, np.empty(0, np.float64), plain, number, plain)

    def __len__(self) -> int:
        return len(self.item)

    def age_days(self, now: float) -> F64:
        """Age of each event at `now` in days; an event from the future counts as new."""
        return np.maximum(0.0, (now - self.time) / DAY)

    def decayed(self, now: float, half_life_days: float) -> F64:
        """Weight of each event after halving every `half_life_days`."""
        return self.weight.astype(np.float64) * np.exp2(-self.age_days(now) / half_life_days)

    def keep(self, kept: Mask) -> "Past":
        """Only the events that the mask, bool [n], holds."""
        return Past(
            self.item[kept], self.time[kept], self.weight[kept], self.type[kept], self.value[kept]
        )

    def chosen(self) -> "Past":
        """The acts for an item, of those items that more acts speak for than against."""
        if (self.weight > 0.0).all():
            return self
        total = np.bincount(self.item, weights=self.weight)
        return self.keep((self.weight > 0.0) & (total[self.item] > 0.0))

    def newest(self, count: int) -> "Past":
        """The last `count` events."""
        return Past(
            self.item[-count:],
            self.time[-count:],
            self.weight[-count:],
            self.type[-count:],
            self.value[-count:],
        )


def settle(
    history: History, *, catalogue: I64, types: Sequence[str], now: float, limit: int
) -> Past:
    """The newest `limit` events of `history` up to `now` whose items the sorted `catalogue`
    holds."""
    position = np.searchsorted(catalogue, history.items)
    inside = position < len(catalogue)
    known = np.zeros(len(history.items), dtype=np.bool_)
    known[inside] = catalogue[position[inside]] == history.items[inside]
    keep = np.flatnonzero(known & (history.times <= now))
    order = keep[np.lexsort((history.items[keep], history.times[keep]))][-limit:]
    code = {name: index + 1 for index, name in enumerate(types)}
    kinds = [history.types[index] for index in order]
    return Past(
        item=position[order].astype(np.int64),
        time=history.times[order].astype(np.float64),
        weight=history.weights[order].astype(np.float32),
        type=np.array([code.get(kind, 0) for kind in kinds], dtype=np.int64),
        value=paid(history.values[order], np.array([kind in PAID_TYPES for kind in kinds], bool)),
    )


def paid(values: F32, is_paid: Mask) -> F32:
    """The money of each event, float32 [n]: 0 where its type moves none or nothing is known."""
    return np.where(is_paid & np.isfinite(values), values, 0.0).astype(np.float32)
