"""Weighted matrix factorisation by alternating least squares (Hu et al., ICDM 2008) from the
library `implicit`; a past is folded in anew at each question."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tests.bench.quality.contender import ByScore, Contender, Ranker, Study
from tests.bench.quality.protocol import Asked
from tests.bench.quality.rivals.matrix import pasts_matrix, taken
from training.engine.arrays import F32, Settings
from training.engine.history import Past

_FOREVER = 36_500.0
_THREADS = int(os.environ.get("BENCH_THREADS", "2"))
_ITERATIONS = 15


def _learn(study: Study, settings: Settings) -> Any:
    from implicit.cpu.als import AlternatingLeastSquares  # in the rivals' environment alone

    model = AlternatingLeastSquares(
        factors=int(settings["factors"]),
        regularization=float(settings["ridge"]),
        alpha=float(settings["alpha"]),
        iterations=_ITERATIONS,
        num_threads=_THREADS,
        random_state=study.seed,
    )
    with threadpool_limits(1, "blas"):  # the library's own threads do the work
        model.fit(taken(study.snapshot, study.moment, _FOREVER), show_progress=False)
    return model


def _answer(learned: Any, settings: Settings) -> Ranker:
    half_life = float(settings["half_life"])
    items = len(learned.item_factors)

    def score(pasts: Sequence[Past], asked: Asked) -> F32:
        met = pasts_matrix(pasts, asked.now, half_life, items)
        folded = learned.recalculate_user(np.arange(len(pasts)), met)
        return np.asarray(folded @ learned.item_factors.T, dtype=np.float32)

    return ByScore(score)


def _trials(half_lives: tuple[float, ...], pace: float) -> list[Settings]:
    learnt = [
        {"factors": 128, "ridge": 0.1, "alpha": 10.0},
        {"factors": 64, "ridge": 0.1, "alpha": 10.0},
        {"factors": 128, "ridge": 1.0, "alpha": 1.0},
        {"factors": 256, "ridge": 1.0, "alpha": 10.0},
    ]
    return [{**each, "half_life": days} for each in learnt for days in half_lives[:4]]


ALS = Contender(
    _learn,
    _answer,
    _trials,
    learned=frozenset({"factors", "ridge", "alpha"}),
    libraries=True,
    seeded=True,
)
