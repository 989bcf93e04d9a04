"""What everybody takes up, over all time or lately. Counts go on while it serves."""

import numpy as np

from tests.bench.quality.contender import ByScore, Contender, Ranker, Study
from training.engine.arrays import Settings

_ALL_TIME = 36_500.0
_LATELY = (7.0, 14.0, 30.0, 60.0)


def _learn(study: Study, settings: Settings) -> None:
    return None


def _answer(learned: None, settings: Settings) -> Ranker:
    days = float(settings["days"])
    return ByScore(
        lambda pasts, asked: np.broadcast_to(
            asked.recent(days), (len(pasts), len(asked.open))
        ).astype(np.float32)
    )


POPULAR = Contender(_learn, _answer, lambda half_lives, pace: [{"days": _ALL_TIME}])
RECENT = Contender(_learn, _answer, lambda half_lives, pace: [{"days": days} for days in _LATELY])
