"""What is read together: rows of like length, so that little is computed on padding."""

from collections.abc import Iterator

import numpy as np

from training.engine.arrays import I64


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
