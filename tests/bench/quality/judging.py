"""Lets one ranker answer all questions of a task and keeps the figures of every question."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.quality.contender import Ranker
from tests.bench.quality.protocol import Asked
from tests.bench.quality.world import World
from training.engine.arrays import F32, F64, I64
from training.engine.lists import coverage, diversity, exposures, gini, miscalibration, novelty
from training.engine.metrics import PER_SUBJECT, judge

TOP = 10
PER_LIST = ("novelty", "diversity", "miscalibration")


@dataclass(frozen=True)
class Ground:
    """What lists are measured with. popularity: float64 [items], share of subjects that took an
    item up before the test; vectors: float32 [items, d], unit length, what items are about."""

    popularity: F64
    vectors: F32
    group: I64
    known: I64


@dataclass(frozen=True)
class Verdict:
    """figures: float64 [questions, PER_SUBJECT + PER_LIST]; subjects: int64 [questions]; fresh:
    int64 [questions, 2], targets that nobody had taken up when it learnt, and how many of them
    stand in twenty places; whole: figures of all lists together."""

    subjects: I64
    figures: F64
    fresh: I64
    whole: dict[str, float]

    @property
    def ndcg(self) -> F64:
        """NDCG@10 of each question."""
        return self.figures[:, 0]


def ground_of(world: World, moment: float, vectors: F32) -> Ground:
    """What lists are measured with, from the events before `moment`."""
    events = world.snapshot.events
    early = events.time < moment
    pairs = np.unique(np.stack([events.subject[early], events.item[early]], axis=1), axis=0)
    items = len(world.snapshot.catalogue)
    met = np.bincount(pairs[:, 1], minlength=items)
    subjects = max(1, len(np.unique(pairs[:, 0])))
    return Ground(np.maximum(met, 1) / subjects, vectors, world.group, met)


def judge_all(ranker: Ranker, moments: Sequence[Asked], ground: Ground) -> Verdict:
    """The figures of one ranker on the questions of all moments."""
    figures, fresh, shown, spent = [], [], [], 0.0
    for asked in moments:
        started = time.perf_counter()
        ranked = ranker.rank(asked)
        spent += time.perf_counter() - started
        for row, targets in enumerate(asked.targets):
            figures.append(_figures(ranked[row], targets, asked.pasts[row].item, ground))
            new = targets[ground.known[targets] == 0]
            fresh.append([len(new), int(np.isin(ranked[row], new).sum())])
        shown.append(ranked[:, :TOP])
    count = sum(len(asked) for asked in moments)
    offered = int(np.any([asked.open for asked in moments], axis=0).sum())
    exposed = exposures(np.concatenate(shown), len(ground.popularity))
    return Verdict(
        subjects=np.concatenate([asked.subjects for asked in moments]),
        figures=np.array(figures),
        fresh=np.array(fresh, dtype=np.int64),
        whole={
            "coverage@10": coverage(exposed, offered),
            "gini@10": gini(exposed, offered),
            "serve_ms": 1000.0 * spent / max(1, count),
        },
    )


def mean_ndcg(ranker: Ranker, moments: Sequence[Asked]) -> float:
    """NDCG@10 alone, which is what settings are chosen by."""
    values = [
        judge(ranked, targets)[0]
        for asked in moments
        for ranked, targets in zip(ranker.rank(asked), asked.targets, strict=True)
    ]
    return float(np.mean(values))


def _figures(ranked: I64, targets: I64, met: I64, ground: Ground) -> F64:
    listed = ranked[:TOP]
    beyond = (
        novelty(listed, ground.popularity),
        diversity(listed, ground.vectors),
        miscalibration(listed, met, ground.group),
    )
    return np.concatenate([judge(ranked, targets), beyond])


NAMES = (*PER_SUBJECT, *PER_LIST)
