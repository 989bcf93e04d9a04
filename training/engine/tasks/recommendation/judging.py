"""Fits the fusion on its window, chooses what serves on validation, reports on test."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.engine.arrays import F64
from training.engine.evaluate import (
    FUSION,
    Judged,
    Reader,
    among_unmet,
    judge_window,
    levels_of,
    shortlists,
    unmet_before,
)
from training.engine.fusion import Fusion, Unmet
from training.engine.fusion_training import fit_fusion
from training.engine.metrics import Interval, paired_difference
from training.engine.sources.source import Ground, Source
from training.engine.split import Split, absent_from
from training.engine.tasks.recommendation.champion import Champion, judge_champion, open_champion
from training.engine.tasks.recommendation.learning import FINETUNED, FROZEN, MATCHED, Learned
from training.engine.tasks.recommendation.probable import Absent, Probable, Seen, probable
from training.engine.tasks.recommendation.settings import Chosen
from training.engine.tuning import fit_all
from training.engine.workbench import Workbench

_POPULAR = ("popular_7d", "popular_30d")
_PARTS = 3  # of the evaluation: validation, test, what serves now
_JUDGED = 2_000  # people of a window, by whom sources and versions are compared
_ABSENT = 250  # people who took nothing up, by whom it is told how probable acts are
_FEW_UNMET = 50  # people who took up something that nobody had met; fewer tell no source


@dataclass(frozen=True)
class Outcome:
    """fusion: None where none could be fitted; judged: figures of validation and test; serves:
    the winner on validation; best_single: the best source there; intervals: per source and
    window, NDCG@10 of the served choice less that of the source; popular: the list for subjects
    of whom nothing is known; champion: what serves now, None where nothing does, and rival: its
    NDCG@10 per case of the test window, None where it cannot be compared; probable: how probable
    acts are, None where too few tell.
    """

    fusion: Fusion | None
    judged: dict[str, Judged]
    serves: str
    best_single: str
    popular: str
    intervals: dict[str, dict[str, Interval]]
    champion: Champion | None
    rival: F64 | None
    probable: Probable | None


def judge_all(
    bench: Workbench, ground: Ground, parts: Split, chosen: Chosen, learned: Learned
) -> Outcome:
    """All verdicts of the run."""
    bench.stop.check()
    bench.progress.stage("fuse")
    court = _Court(bench, ground, parts, chosen, learned, {"fusion": chosen.fitted})
    fusion = _fuse(court)
    unmet_by = _unmet_by(court, fusion) if fusion else ""
    bench.stop.check()
    bench.progress.stage("evaluate")
    judged: dict[str, Judged] = {}
    seen: dict[str, Seen] = {}
    for window in ("validation", "test"):
        blend = _apart(fusion, unmet_by, ground, parts.moment(window))
        judged[window] = _judged(court, blend, window)
        means = {n: float(judged["validation"].ndcg(n).mean()) for n in judged[window].figures}
        single = max((name for name in means if name != FUSION), key=lambda name: means[name])
        serves = FUSION if means.get(FUSION, -1.0) > means[single] else single
        seen[window] = _seen(court, blend, judged[window], serves, window)
    champion = _champion(bench, parts)
    rival = _rival(bench, ground, parts, champion)
    return Outcome(
        fusion=_apart(fusion, unmet_by, ground, parts.end),
        judged=judged,
        serves=serves,
        best_single=single,
        popular=max(_POPULAR, key=lambda name: means[name]),
        intervals={
            window: {
                name: paired_difference(
                    verdict.ndcg(serves), verdict.ndcg(name), seed=bench.seed(70)
                )
                for name in verdict.figures
                if name != serves
            }
            for window, verdict in judged.items()
        },
        champion=champion,
        rival=rival,
        probable=probable(serves, seen, parts.days),
    )


def reader_of(bench: Workbench, ground: Ground, parts: Split, window: str) -> Reader:
    """The cases of a window as they are judged: at most _JUDGED, the same at every call."""
    limit = bench.job.count("history_limit")
    cases = parts.cases[window].sample(_JUDGED, seed=bench.seed(71))
    return Reader(
        ground.snapshot.events, cases, parts.repeats, limit, ground.snapshot.catalogue.facts
    )


@dataclass(frozen=True)
class _Court:
    """What the verdicts are about. held: window -> quick sources that were fitted on what lies
    before it; of those of one window more than one verdict may be given."""

    bench: Workbench
    ground: Ground
    parts: Split
    chosen: Chosen
    learned: Learned
    held: dict[str, dict[str, Source]]

    def sources(self, window: str) -> dict[str, Source]:
        """Quick sources fitted on what lies before the window, and the learned ones as they are."""
        there = self.held.pop(window, {})
        self.held.clear()  # of a window that is over
        at = replace(self.ground, moment=self.parts.moment(window))
        settings, stop = self.chosen.settings, self.bench.stop.check
        self.held[window] = fit_all(settings, at, stop, there)
        there.clear()  # those of a large catalogue are large, and nobody needs them any more
        return {**self.held[window], **self.learned.sources}

    def reader(self, window: str) -> Reader:
        """The cases of the window."""
        return reader_of(self.bench, self.ground, self.parts, window)


def _fuse(court: _Court) -> Fusion | None:
    bench, chosen, learned = court.bench, court.chosen, court.learned
    candidates = bench.job.count("candidates")
    left_out = {FROZEN, FINETUNED} - {learned.better}
    names = tuple(name for name in (*chosen.settings, *learned.sources) if name not in left_out)
    saved = bench.checkpoints.load("fuse")
    if saved:
        if not saved.tensors:
            return None
        return Fusion.restore(saved.tensors, names, candidates, tuple(saved.facts["features"]))
    reader = court.reader("fusion")
    lists = shortlists(reader, court.sources("fusion"), names, candidates, _steps(bench, 0, 1))
    fusion = fit_fusion(bench, lists, reader.cases.targets, names, candidates)
    if fusion is None:
        bench.checkpoints.save("fuse", {}, {})
    else:
        bench.checkpoints.save("fuse", fusion.tensors(), {"features": list(fusion.features)})
    return fusion


def _unmet_by(court: _Court, fusion: Fusion) -> str:
    """The source that orders items that nobody has met best among themselves, on validation;
    nothing where the ranker does it best itself. Where too few were taken up to tell, it is what
    compares texts, by the learnt map where there is one."""
    bench = court.bench
    saved = bench.checkpoints.load("unmet")
    if saved:
        return str(saved.facts["by"])
    reader = among_unmet(court.reader("validation"))
    by = next((name for name in (MATCHED, "content") if name in fusion.sources), "")
    if len(reader.cases) >= _FEW_UNMET:
        sources = court.sources("validation")
        taking_part = {name: sources[name] for name in fusion.sources}
        judged = judge_window(reader, taking_part, fusion, lambda done, every: bench.stop.check())
        means = {name: float(judged.ndcg(name).mean()) for name in judged.figures}
        best = max(means, key=lambda name: means[name])
        by = "" if best == FUSION else best
    bench.checkpoints.save("unmet", {}, {"by": by})
    return by


def _apart(fusion: Fusion | None, by: str, ground: Ground, moment: float) -> Fusion | None:
    """The ranker, with what had not been met at the moment told apart by a source."""
    if fusion is None or not by:
        return fusion
    items = unmet_before(ground.snapshot.events, moment, ground.item_count)
    return replace(fusion, unmet=Unmet(by, items))


def _judged(court: _Court, fusion: Fusion | None, window: str) -> Judged:
    bench = court.bench
    key = f"evaluate-{window}"
    saved = bench.checkpoints.load(key)
    if saved:
        return Judged.restore(saved.tensors, dict(saved.facts))
    part = ("validation", "test").index(window)
    steps = _steps(bench, part, _PARTS)
    judged = judge_window(court.reader(window), court.sources(window), fusion, steps)
    bench.checkpoints.save(key, judged.tensors(), judged.coverage)
    return judged


def _seen(court: _Court, fusion: Fusion | None, judged: Judged, serves: str, window: str) -> Seen:
    """What the window tells of how probable acts are, those included who took nothing up."""
    bench, snapshot = court.bench, court.ground.snapshot
    every = court.parts.cases[window]
    reader = court.reader(window)
    gone = absent_from(snapshot, every)
    some = gone.sample(_ABSENT, seed=bench.seed(73))
    absent = replace(reader, cases=some)
    saved = bench.checkpoints.load(f"absent-{window}")
    if saved:
        levels = np.array(saved.tensors["levels"])
    else:
        names = fusion.sources if serves == FUSION and fusion else (serves,)
        sources = court.sources(window)
        levels = levels_of(
            absent,
            {name: sources[name] for name in names},
            fusion if serves == FUSION else None,
            serves,
            lambda done, every: bench.stop.check(),
        )
        bench.checkpoints.save(f"absent-{window}", {"levels": levels}, {})
    each = len(gone) / max(1, len(some))
    return Seen(
        reader, judged, len(every) / max(1, len(reader.cases)), Absent(absent, levels, each)
    )


def _champion(bench: Workbench, parts: Split) -> Champion | None:
    if bench.job.champion is None:
        return None
    start = parts.moment("test")
    return open_champion(Path(bench.job.champion), task=bench.job.task, test_start=start)


def _rival(bench: Workbench, ground: Ground, parts: Split, champion: Champion | None) -> F64 | None:
    if champion is None or champion.bundle is None:
        return None
    saved = bench.checkpoints.load("evaluate-champion")
    if saved:
        return np.array(saved.tensors["champion"])
    reader = reader_of(bench, ground, parts, "test")
    steps = _steps(bench, _PARTS - 1, _PARTS)
    rival = judge_champion(champion.bundle, ground.snapshot, reader, steps)
    bench.checkpoints.save("evaluate-champion", {"champion": rival}, {})
    return rival


def _steps(bench: Workbench, part: int, parts: int) -> Callable[[int, int], None]:
    """Reports cases of one of several equal parts of a stage, and stops between two cases."""

    def each(done: int, every: int) -> None:
        bench.step(part * every + done, parts * every)

    return each
