"""Ranks the whole catalogue for every case of a window, by every source and by their fusion.

Uses the code that serves, so that what is measured is what answers; sources score several cases at
once. The products are small: more than one BLAS thread would only spend its time waiting for the
other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from training.engine.arrays import F32, F64, I64, Mask, Tensors
from training.engine.features.facts import ItemFacts
from training.engine.fusion import BASIC, Fusion, Shortlist, best, shortlist
from training.engine.history import Past
from training.engine.metrics import DEPTH, PER_SUBJECT, judge
from training.engine.snapshot import Events
from training.engine.sources.source import Source
from training.engine.split import Cases

FUSION = "fusion"
TOP = 10  # places of a ranking that somebody looks at
_AT_ONCE = 128  # cases that are scored together
_HELD = 2_000_000  # scores of one source that are held at once, about


@dataclass(frozen=True)
class Judged:
    """figures: per ranking float64 [cases, PER_SUBJECT]; coverage: share of the candidates that
    some subject was shown in ten places; tops: per ranking int64 [cases, TOP], the items in these
    places, -1 where a ranking is shorter; levels: per ranking float32 [cases, TOP], how high these
    items stand on a scale that means the same for every case."""

    figures: dict[str, F64]
    coverage: dict[str, float]
    tops: dict[str, I64]
    levels: dict[str, F32]

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

    def tensors(self) -> Tensors:
        """Everything but the coverage."""
        held: Tensors = {}
        for name in self.figures:
            held[f"figures.{name}"] = self.figures[name]
            held[f"tops.{name}"] = self.tops[name]
            held[f"levels.{name}"] = self.levels[name]
        return held

    @classmethod
    def restore(cls, tensors: Tensors, coverage: dict[str, float]) -> "Judged":
        """From its tensors and its coverage."""
        figures, tops, levels = (
            {name: np.array(tensors[f"{part}.{name}"]) for name in coverage}
            for part in ("figures", "tops", "levels")
        )
        return cls(figures, coverage, tops, levels)


@dataclass(frozen=True)
class Places:
    """One ranking of one case. items: int64, at most DEPTH, best first; levels: float32 of the
    first TOP of them."""

    items: I64
    levels: F32


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


def unmet_before(events: Events, moment: float, items: int) -> Mask:
    """Items without any event before the moment, bool [items]."""
    unmet: Mask = np.ones(items, dtype=np.bool_)
    unmet[events.item[events.time < moment]] = False
    return unmet


def among_unmet(reader: Reader) -> Reader:
    """The same questions about items alone that nobody had met before; who took none of them up
    is not asked."""
    cases = reader.cases
    unmet = unmet_before(reader.events, cases.window.start, len(cases.candidates))
    targets = [taken[unmet[taken]] for taken in cases.targets]
    keep = np.array([index for index, taken in enumerate(targets) if len(taken)], dtype=np.int64)
    some = replace(
        cases,
        subjects=cases.subjects[keep],
        ends=cases.ends[keep],
        targets=tuple(targets[index] for index in keep),
        candidates=cases.candidates & unmet,
    )
    return replace(reader, cases=some)


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
    levels = {name: np.zeros((len(cases), TOP), np.float32) for name in names}
    now, items = cases.window.start, len(cases.candidates)
    with threadpool_limits(limits=1, user_api="blas"):
        for index, past, scores in scored(sources, reader.past, range(len(cases)), now, items):
            allowed = reader.allowed(index)
            rankings = rank_case(sources, fusion, scores, past, allowed, now, reader.facts)
            for name, places in rankings.items():
                figures[name][index] = judge(places.items, cases.targets[index])
                tops[name][index, : len(places.levels)] = places.items[:TOP]
                levels[name][index, : len(places.levels)] = places.levels
            each(index + 1, len(cases))
    offered = max(1, int(cases.candidates.sum()))
    seen = {name: len(np.unique(items[items >= 0])) for name, items in tops.items()}
    covered = {name: float(count) / offered for name, count in seen.items()}
    return Judged(figures, covered, tops, levels)


def levels_of(
    reader: Reader,
    sources: Mapping[str, Source],
    fusion: Fusion | None,
    name: str,
    each: Callable[[int, int], None],
) -> F32:
    """Levels of the first places of one ranking of every case, float32 [cases, TOP], NaN behind a
    list's end. sources: those that the ranking needs."""
    cases = reader.cases
    levels = np.full((len(cases), TOP), np.nan, np.float32)
    now, items = cases.window.start, len(cases.candidates)
    with threadpool_limits(limits=1, user_api="blas"):
        for index, past, scores in scored(sources, reader.past, range(len(cases)), now, items):
            allowed = reader.allowed(index)
            ranked = rank_case(sources, fusion, scores, past, allowed, now, reader.facts)
            told = ranked[name].levels
            levels[index, : len(told)] = told
            each(index + 1, len(cases))
    return levels


def scored(
    sources: Mapping[str, Source],
    past_of: Callable[[int], Past],
    indices: Sequence[int],
    now: float,
    items: int,
) -> Iterator[tuple[int, Past, dict[str, F32]]]:
    """Each index with its past and every source's scores of all items; no past may be empty."""
    size = min(_AT_ONCE, max(1, _HELD // items))
    for first in range(0, len(indices), size):
        block = indices[first : first + size]
        pasts = [past_of(index) for index in block]
        scores = {name: source.score_all(pasts, now) for name, source in sources.items()}
        for row, (index, past) in enumerate(zip(block, pasts, strict=True)):
            yield index, past, {name: rows[row] for name, rows in scores.items()}


def rank_case(
    sources: Mapping[str, Source],
    fusion: Fusion | None,
    scores: Mapping[str, F32],
    past: Past,
    allowed: Mask,
    now: float,
    facts: ItemFacts,
) -> dict[str, Places]:
    """Every ranking of one case from the sources' scores."""
    count = fusion.candidates if fusion else 0
    ranked = {name: best(score, allowed, max(DEPTH, count)) for name, score in scores.items()}
    rankings = {
        name: Places(items[:DEPTH], sources[name].level(scores[name], items[:TOP]))
        for name, items in ranked.items()
    }
    if fusion:
        brought = {name: ranked[name][:count] for name in fusion.sources}
        short = shortlist(
            fusion.sources, sources, scores, brought, past, now, facts, fusion.features
        )
        fused = fusion.rate(short, scores)
        order = np.argsort(-fused, kind="stable")[:DEPTH]
        # Less the log of their sum, as the ranker's own loss sees them.
        whole = np.logaddexp.reduce(fused)
        rankings[FUSION] = Places(short.items[order], fused[order[:TOP]] - whole)
    return rankings


def shortlists(
    reader: Reader,
    sources: Mapping[str, Source],
    names: tuple[str, ...],
    candidates: int,
    each: Callable[[int, int], None],
) -> list[Shortlist]:
    """Shortlists of all cases of a window, with what a ranker is told."""
    now, items = reader.cases.window.start, len(reader.cases.candidates)
    every = range(len(reader.cases))
    taking_part = {name: sources[name] for name in names}
    lists = []
    with threadpool_limits(limits=1, user_api="blas"):
        for index, past, scores in scored(taking_part, reader.past, every, now, items):
            allowed = reader.allowed(index)
            ranked = {name: best(scores[name], allowed, candidates) for name in names}
            lists.append(shortlist(names, sources, scores, ranked, past, now, reader.facts, BASIC))
            each(index + 1, len(reader.cases))
    return lists
