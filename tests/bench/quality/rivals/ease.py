"""EASE (Steck, WWW 2019), learnt on decayed weights where validation prefers that, and asked with
decayed pasts. The strong simple model: published language-model recommenders lie below it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg import lapack

from tests.bench.quality.contender import ByScore, Contender, Ranker, Study
from tests.bench.quality.protocol import Asked
from tests.bench.quality.rivals.matrix import pasts_matrix, taken
from training.engine.arrays import F32, Settings
from training.engine.history import Past

_FOREVER = 36_500.0


def _learn(study: Study, settings: Settings) -> F32:
    """Item-item weights, float32 [items, items], 0 on the diagonal."""
    matrix = taken(study.snapshot, study.moment, float(settings["memory"]))
    if settings["binary"]:
        matrix.data[:] = 1.0
    gram = (matrix.T @ matrix).toarray().astype(np.float32, order="F")
    gram[np.diag_indices(len(gram))] += float(settings["ridge"])
    factor, failed = lapack.spotrf(gram, lower=1, overwrite_a=1)
    inverse, failed_too = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise ArithmeticError("the item-item matrix is not positive definite")
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weight = np.ascontiguousarray(inverse / -np.diag(inverse))
    np.fill_diagonal(weight, 0.0)
    return np.asarray(weight, dtype=np.float32)


def _answer(learned: Any, settings: Settings) -> Ranker:
    half_life = float(settings["half_life"])

    def score(pasts: Sequence[Past], asked: Asked) -> F32:
        met = pasts_matrix(pasts, asked.now, half_life, len(learned))
        return np.asarray(met @ learned, dtype=np.float32)

    return ByScore(score)


def _trials(half_lives: tuple[float, ...], pace: float) -> list[Settings]:
    long = half_lives[-1]
    learnt = [
        {"ridge": 200.0, "binary": True, "memory": _FOREVER},
        {"ridge": 50.0, "binary": True, "memory": _FOREVER},
        {"ridge": 1000.0, "binary": True, "memory": _FOREVER},
        {"ridge": 200.0, "binary": False, "memory": long},
        {"ridge": 10.0, "binary": False, "memory": long},
        {"ridge": 30.0, "binary": False, "memory": long},
        {"ridge": 3.0, "binary": False, "memory": long},
    ]
    return [{**each, "half_life": days} for each in learnt for days in half_lives]


EASE = Contender(_learn, _answer, _trials, learned=frozenset({"ridge", "binary", "memory"}))
