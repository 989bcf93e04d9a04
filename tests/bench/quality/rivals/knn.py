"""Item neighbours by shrunk cosine (Sarwar et al., WWW 2001), on decayed pasts."""

from collections.abc import Sequence
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
_ROWS = 500  # worked on at once


def _learn(study: Study, settings: Settings) -> sparse.csr_matrix:
    """Weights from a met item to its neighbours, float32 [items, items]."""
    matrix = taken(study.snapshot, study.moment, _FOREVER)
    norm = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=0))).ravel()
    shrink = float(settings["shrink"])
    by_item = matrix.T.tocsr()
    weight = np.zeros((by_item.shape[0],) * 2, dtype=np.float32)
    for row in range(0, len(weight), _ROWS):
        block = (by_item[row : row + _ROWS] @ matrix).toarray()
        block /= norm[row : row + _ROWS, None] * norm[None, :] + shrink
        block[np.arange(len(block)), np.arange(row, row + len(block))] = 0.0
        if block.shape[1] > _NEIGHBOURS:
            edge = np.partition(block, -_NEIGHBOURS, axis=1)[:, -_NEIGHBOURS, None]
            block[block < edge] = 0.0
        weight[row : row + _ROWS] = block
    return sparse.csr_matrix(weight)


def _answer(learned: Any, settings: Settings) -> Ranker:
    half_life = float(settings["half_life"])
    items = learned.shape[0]

    def score(pasts: Sequence[Past], asked: Asked) -> F32:
        met = pasts_matrix(pasts, asked.now, half_life, items)
        return np.asarray((met @ learned).toarray(), dtype=np.float32)

    return ByScore(score)


KNN = Contender(
    _learn,
    _answer,
    lambda half_lives, pace: [
        {"shrink": shrink, "half_life": days} for shrink in (10.0, 1.0, 50.0) for days in half_lives
    ],
    learned=frozenset({"shrink"}),
)
