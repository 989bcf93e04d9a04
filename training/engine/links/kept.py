"""What both ways of learning links share: of each item the strongest are kept, and rows are worked
on in blocks that fit into memory."""

from itertools import pairwise

import numpy as np

from training.engine.arrays import F32, I64, AnyArray

MOST = 256  # links of each item
_BLOCK = 10_000_000  # elements of the item-item product that are worked on at once
Links = tuple[AnyArray, AnyArray]  # int32 and float16, [items, links]
# The same, and which of them join items that somebody took up both, uint8 of the same shape.
Learnt = tuple[AnyArray, AnyArray, AnyArray]


def blocks(count: int) -> list[slice]:
    size = max(1, _BLOCK // count)
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]


def cuts(work: I64) -> list[slice]:
    """The rows of a product in stretches of about a block each. work: products that each row takes,
    int64 [rows]."""
    inner = np.flatnonzero(np.diff(np.cumsum(work) // _BLOCK)) + 1
    return [slice(*edges) for edges in pairwise([0, *inner.tolist(), len(work)])]


def stacked(parts: list[Links]) -> Links:
    return np.concatenate([link for link, _ in parts]), np.concatenate([s for _, s in parts])


def strongest(weights: F32) -> Links:
    """The links of largest size in each row, by rising item so that equal inputs give equal
    files."""
    count = min(MOST, weights.shape[1])
    size = np.abs(weights)
    edge = np.partition(size, size.shape[1] - count, axis=1)[:, -count]
    strong = size >= edge[:, None]
    # Where some are as strong as the weakest that is kept, which of them are kept is settled.
    for row in np.flatnonzero(np.count_nonzero(strong, axis=1) != count):
        strong[row] = False
        strong[row, np.argpartition(-size[row], count - 1)[:count]] = True
    link = strong.nonzero()[1].reshape(len(weights), count)
    strength = np.take_along_axis(weights, link, axis=1)
    return link.astype(np.int32), strength.astype(np.float16)
