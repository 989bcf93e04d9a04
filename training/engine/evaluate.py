"""Ranks the whole catalogue for every case of a window, by every source and by their fusion.

Uses the code that serves, so that what is measured is what answers. The products of one case are
small: more than one BLAS thread would only spend its time waiting for the other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from training.engine.arrays import F64, I64, Mask
from training.engine.features.facts import ItemFacts
from training.engine.fusion import BASIC, Fusion, Shortlist, best, shortlist
from training.engine.history import Past
from training.engine.metrics import DEPTH, PER_SUBJECT, judge
from training.engine.snapshot import Events
from training.engine.sources.source import Source
from training.engine.split import Cases

FUSION = "fusion"
TOP = 10  # places of a ranking that somebody looks at


@dataclass(frozen=True)
class Judged:
    """figures: per ranking float64 [cases, PER_SUBJECT]; coverage: share of the candidates that
    some subject was shown in ten places; tops: per ranking int64 [cases, TOP], the items in these
    places, -1 where a ranking is shorter."""

    figures: dict[str, F64]
    coverage: dict[str, float]
    tops: dict[str, I64]

    def mean(self, name: str) -> dict[str, float]:
        """Averages of one ranking, rounded for the manifest."""
        means = self.figures[name].mean(axis=0)
        named = {key: round(float(value), 5) for key, value in zip(PER_SUBJECT, means, strict=True)}
        return {
            **named,
            "coverage@10": round(self.coverage[name], 5),
            "subjects": len(self.figures[name]),
        }

    def ndcg(self, name: str) -> F64:
        """NDCG@10 per case, float64 [cases]."""
        return self.figures[name][:, 0]


@dataclass(frozen=True)
class Reader:
    """What turns a case into a past and a mask of allowed items."""

    events: Events
    cases: Cases
    repeats: bool
    history_limit: int
    facts: ItemFacts

    def past(self, index: int) -> Past:
        """The history of a case."""
        subject, end = int(self.cases.subjects[index]), int(self.cases.ends[index])
        return self.events.past(subject, end, self.history_limit)

    def allowed(self, index: int) -> Mask:
        """Candidates of a case, bool [items]; without repeats, less everything the subject has
        met."""
        if self.repeats:
            return self.cases.candidates
        allowed = self.cases.candidates.copy()
        first = self.events.offsets[self.cases.subjects[index]]
        allowed[self.events.item[first : self.cases.ends[index]]] = False
        return allowed


def judge_window(
    reader: Reader,
    sources: Mapping[str, Source],
    fusion: Fusion | None,
    each: Callable[[int, int], None],
) -> Judged:
    """Judge every source, and the fusion where there is one. `each` is called with (done, all)."""
    names = [*sources, *([FUSION] if fusion else [])]
    cases = reader.cases
    figures = {name: np.zeros((len(cases), len(PER_SUBJECT))) for name in names}
    tops: dict[str, I64] = {name: np.full((len(cases), TOP), -1) for name in names}
    now = cases.window.start
    with threadpool_limits(limits=1, user_api="blas"):
        for index in range(len(cases)):
            past, allowed = reader.past(index), reader.allowed(index)
            rankings = rank_case(sources, fusion, past, allowed, now, reader.facts)
            for name, ranking in rankings.items():
                figures[name][index] = judge(ranking, cases.targets[index])
                tops[name][index, : len(ranking[:TOP])] = ranking[:TOP]
            each(index + 1, len(cases))
    offered = max(1, int(cases.candidates.sum()))
    seen = {name: len(np.unique(items[items >= 0])) for name, items in tops.items()}
    return Judged(figures, {name: float(count) / offered for name, count in seen.items()}, tops)


def rank_case(
    sources: Mapping[str, Source],
    fusion: Fusion | None,
    past: Past,
    allowed: Mask,
    now: float,
    facts: ItemFacts,
) -> dict[str, I64]:
    """Every ranking of one case, at most DEPTH items each, best first."""
    scores = {name: source.score(past, now) for name, source in sources.items()}
    rankings = {name: best(score, allowed, DEPTH) for name, score in scores.items()}
    if fusion:
        short = shortlist(
            fusion.sources,
            sources,
            scores,
            allowed,
            past,
            now,
            fusion.candidates,
            facts,
            fusion.features,
        )
        order = np.argsort(-fusion.score(short.features), kind="stable")
        rankings[FUSION] = short.items[order[:DEPTH]]
    return rankings


def shortlists(
    reader: Reader,
    sources: Mapping[str, Source],
    names: tuple[str, ...],
    candidates: int,
    each: Callable[[int, int], None],
) -> list[Shortlist]:
    """Shortlists of all cases of a window, with what a ranker is told."""
    now = reader.cases.window.start
    lists = []
    with threadpool_limits(limits=1, user_api="blas"):
        for index in range(len(reader.cases)):
            past, allowed = reader.past(index), reader.allowed(index)
            scores = {name: sources[name].score(past, now) for name in names}
            lists.append(
                shortlist(
                    names, sources, scores, allowed, past, now, candidates, reader.facts, BASIC
                )
            )
            each(index + 1, len(reader.cases))
    return lists
