"""What is read together: rows of like length, so that little is computed on padding."""

from collections.abc import Iterator

import numpy as np

from training.engine.arrays import I64

_NEAR = 16  # batches whose rows are sorted together


def alike(length: I64, budget: int) -> Iterator[I64]:
    """Indices of texts or pasts in groups of similar length, each of at most `budget` tokens or
    events, padding included, or of a single one."""
    order = np.argsort(length, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, budget // int(length[order[start]]))
        # The longest of a group decides its cost, so the size is checked against the end.
        size = max(1, budget // int(length[order[start : start + size][-1]]))
        yield order[start : start + size]
        start += size


def sorted_near(length: I64, size: int, generator: np.random.Generator) -> I64:
    """An order in which rows that stand near each other anyway form batches of `size` rows of like
    length; which of the batches comes first is drawn anew."""
    near = size * _NEAR
    order = []
    for first in range(0, len(length), near):
        rows = first + np.argsort(length[first : first + near], kind="stable")
        full = len(rows) // size * size  # a smaller batch can only be the last
        batches = rows[:full].reshape(-1, size)[generator.permutation(full // size)]
        order += [batches.ravel(), rows[full:]]
    return np.concatenate(order)
