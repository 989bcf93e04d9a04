"""Subjects' pasts as sparse matrices, with the decay that every collaborative rival may choose."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sparse

from training.engine.arrays import DAY, F64, I64
from training.engine.history import Past
from training.engine.snapshot import Snapshot


def taken(snapshot: Snapshot, moment: float, half_life_days: float) -> sparse.csr_matrix:
    """[subjects, items]: the square root of the decayed weight of the subject's events on the
    item, so that the tenth purchase counts less than the first."""
    events = snapshot.events
    return _matrix(
        events.subject,
        events.item,
        events.weight * np.exp2(-(moment - events.time) / DAY / half_life_days),
        (events.subjects, len(snapshot.catalogue)),
    )


def pasts_matrix(
    pasts: Sequence[Past], now: float, half_life_days: float, items: int
) -> sparse.csr_matrix:
    """The same for pasts, [pasts, items]."""
    rows = np.repeat(np.arange(len(pasts)), [len(past) for past in pasts])
    item = np.concatenate([past.item for past in pasts])
    amount = np.concatenate([past.decayed(now, half_life_days) for past in pasts])
    return _matrix(rows, item, amount, (len(pasts), items))


def _matrix(rows: I64, columns: I64, amount: F64, shape: tuple[int, int]) -> sparse.csr_matrix:
    summed = sparse.coo_matrix((amount, (rows, columns)), shape=shape).tocsr()
    summed.data = np.sqrt(np.maximum(summed.data, 0.0)).astype(np.float32)
    return summed.astype(np.float32)
