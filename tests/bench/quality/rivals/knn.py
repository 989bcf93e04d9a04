"""Item neighbours by shrunk cosine (Sarwar et al., WWW 2001), on decayed pasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sparse

from tests.bench.quality.contender import ByScore, Contender, Ranker, Study
from tests.bench.quality.protocol import Asked
from tests.bench.quality.rivals.matrix import pasts_matrix, taken
from training.engine.arrays import F32, Settings
from training.engine.history import Past

_NEIGHBOURS = 200
_FOREVER = 36_500.0


@dataclass(frozen=True)
class _Links:
    """weight: float32 [items, items], from a met item to its neighbours."""

    weight: sparse.csr_matrix


def _learn(study: Study, settings: Settings) -> _Links:
    matrix = taken(study.snapshot, study.moment, _FOREVER)
    norm = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0))).ravel()
    shrink = float(settings["shrink"])
    alike = (matrix.T @ matrix).tocoo()
    kept = alike.row != alike.col
    row, column, value = alike.row[kept], alike.col[kept], alike.data[kept]
    value = value / (norm[row] * norm[column] + shrink)
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    first = np.searchsorted(row, row)
    near = np.arange(len(row)) - first < _NEIGHBOURS
    shape = alike.shape
    return _Links(sparse.csr_matrix((value[near], (row[near], column[near])), shape=shape))


def _answer(learned: Any, settings: Settings) -> Ranker:
    half_life = float(settings["half_life"])
    items = learned.weight.shape[0]

    def score(pasts: Sequence[Past], asked: Asked) -> F32:
        met = pasts_matrix(pasts, asked.now, half_life, items)
        return np.asarray((met @ learned.weight).toarray(), dtype=np.float32)

    return ByScore(score)


KNN = Contender(
    _learn,
    _answer,
    lambda half_lives, pace: [
        {"shrink": shrink, "half_life": days} for shrink in (10.0, 1.0, 50.0) for days in half_lives
    ],
    learned=frozenset({"shrink"}),
)
