"""An answer's lines: what is told of each recommended item, and other orders of the list. Pure
numpy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.engine.arrays import F32, F64, I64
from training.engine.reasons import Cause, Reason, worded_by
from training.engine.reranking import diversified
from training.engine.sources.alike import vectors_of
from training.engine.sources.source import Source


@dataclass(frozen=True)
class Ranked:
    """One recommended item: its public number, its score among this answer's items, the reason that
    weighed most, what each source added to the score, how probable it is that the subject takes it
    up within the version's window, None where nothing tells, and, where an explanation was asked
    for, the item of the past whose removal would lower the score most, None where none would."""

    item: int
    score: float
    reason: Reason
    contributions: dict[str, float]
    probability: float | None = None
    rests_on: int | None = None


def listed(
    items: I64,
    order: I64,
    scores: F32,
    causes: Sequence[Cause],
    added: Mapping[str, F32],
    told: F64 | None,
    rests_on: Sequence[int | None],
) -> list[Ranked]:
    """The lines of the items at the positions `order`. items: the public numbers of all; told:
    probabilities; rests_on: positions, empty where nobody asked."""
    about = rests_on or [None] * len(order)
    return [
        Ranked(
            item=int(items[position]),
            score=float(scores[row]),
            reason=worded_by(causes[row], items),
            contributions={name: float(value[row]) for name, value in added.items()},
            probability=None if told is None else float(told[row]),
            rests_on=None if (at := about[row]) is None else int(items[at]),
        )
        for row, position in enumerate(order)
    ]


def varied(
    ranked: Sequence[Ranked], items: I64, sources: Mapping[str, Source], trade: float
) -> list[Ranked]:
    """As `Bundle.varied`."""
    places = np.searchsorted(items, np.array([one.item for one in ranked], dtype=np.int64))
    vectors = vectors_of(sources, places) if trade else None
    if vectors is None:
        return list(ranked)
    scores = np.array([one.score for one in ranked], dtype=np.float32)
    return [ranked[place] for place in diversified(scores, vectors, trade)]
