"""The subject's own decayed counts, recent popularity behind them. Strong where people come back
for the same goods."""

from collections.abc import Sequence

import numpy as np

from tests.bench.quality.contender import ByScore, Contender, Ranker, Study
from tests.bench.quality.protocol import Asked
from training.engine.arrays import F32, Settings
from training.engine.history import Past

_TIE_BREAK = 1e-6
_TIE_DAYS = 30.0


def _learn(study: Study, settings: Settings) -> None:
    return None


def _answer(learned: None, settings: Settings) -> Ranker:
    half_life = float(settings["half_life"])

    def score(pasts: Sequence[Past], asked: Asked) -> F32:
        recent = asked.recent(_TIE_DAYS)
        scores = np.tile(_TIE_BREAK * recent / max(recent.max(), 1.0), (len(pasts), 1))
        for row, past in enumerate(pasts):
            np.add.at(scores[row], past.item, past.decayed(asked.now, half_life))
        return scores.astype(np.float32)

    return ByScore(score)


OWN = Contender(
    _learn,
    _answer,
    lambda half_lives, pace: [
        {"half_life": days}
        for days in (*half_lives, half_lives[0] / 2, 2 * half_lives[-1], 4 * half_lives[-1])
    ],
    needs_repeats=True,
)
