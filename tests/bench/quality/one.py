"""One contender on one data set with one seed, in a process of its own, so that its seconds and its
memory are its own: `python -m tests.bench.quality.one DATASET CONTENDER SEED FOLDER`.

Chooses settings on validation alone, learns again up to the test, answers its questions, and
leaves figures in FOLDER. With QUICK=1 only the tasks of a short run, on a sample of questions.
"""

import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")
os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np

from tests.bench.quality.about import word_vectors
from tests.bench.quality.contender import Contender, Explaining, Ranker, Study
from tests.bench.quality.contenders import RIVALS, contenders
from tests.bench.quality.datasets import DATASETS
from tests.bench.quality.judging import NAMES, Verdict, ground_of, judge_all, mean_ndcg
from tests.bench.quality.protocol import Asked, Task, ask
from tests.bench.quality.tasks import TASKS
from tests.bench.quality.world import World, before
from training.engine.arrays import Settings
from training.engine.pace import pace_days

WATCHED = {False: 2_000, True: 1_000}  # questions of validation that settings are compared on
QUICK_ASKED = 2_000  # questions of test in a short run, the same for all
# Answers of a seed whose explanation is held against the truth: three seeds, 1,000 of a task.
EXPLAINED = {False: 334, True: 50}
_WATCH_SEED = 7


@dataclass(frozen=True)
class Line:
    """What is told of one contender on one task. chosen: settings; tried: how many were compared;
    validation: its best NDCG@10 there, None where nothing was compared; explained: how many answers
    were checked against the truth, and how many of them agreed; empty for who explains nothing."""

    task: str
    contender: str
    seed: int
    chosen: Settings
    tried: int
    validation: float | None
    finished: bool
    told: str
    train_seconds: float
    train_cpu_seconds: float
    peak_memory_mb: float
    whole: dict[str, float]
    unreachable: int
    explained: dict[str, int]


class Learner:
    """Learns for given settings, once for all settings that need the same learning."""

    def __init__(self, world: World, contender: Contender, seed: int, quick: bool) -> None:
        self.world, self.contender, self.seed, self.quick = world, contender, seed, quick
        self._key = ""
        self._held: tuple[Any, float, float] = (None, 0.0, 0.0)

    def learnt(self, task: Task, moment: float, settings: Settings) -> tuple[Any, float, float]:
        """What was learnt, with its seconds and processor seconds."""
        wanted = {name: settings[name] for name in sorted(self.contender.learned)}
        depends = [task.repeats, task.days] if self.contender.per_task else []
        key = json.dumps([moment, depends, wanted])
        if key != self._key:
            self._held = (None, 0.0, 0.0)  # the old one gives its memory back first
            study = Study(
                before(self.world, moment),
                moment,
                task.repeats,
                task.days,
                self.seed,
                self.world.name,
                self.quick,
            )
            started, spent = time.perf_counter(), _processor()
            learned = self.contender.learn(study, settings)
            self._held = (learned, time.perf_counter() - started, _processor() - spent)
            self._key = key
        return self._held


def run(world: World, task: Task, name: str, learner: Learner, folder: Path) -> None:
    """Tune, learn, answer, and write the figures."""
    contender = learner.contender
    pace = pace_days(world.snapshot.events, task.validation[0])
    trials = contender.trials(world.half_lives, pace)
    chosen, best = _tuned(world, task, learner, trials)
    learned, seconds, processor = learner.learnt(task, task.test[0], chosen)
    memory = peak_mb()
    asked = [ask(world, task, moment, final=True) for moment in task.test]
    if learner.quick:
        asked = [each.sample(QUICK_ASKED // len(asked), _WATCH_SEED) for each in asked]
    ground = ground_of(world, task.test[0], word_vectors(world.snapshot.catalogue))
    rankers = contender.answer(learned, chosen)
    rankers = rankers if isinstance(rankers, dict) else {name: rankers}
    for part, ranker in rankers.items():
        verdict = judge_all(ranker, asked, ground)
        line = Line(
            task=task.name,
            contender=part,
            seed=learner.seed,
            chosen=chosen,
            tried=len(trials),
            validation=best,
            finished=getattr(learned, "finished", True),
            told=getattr(learned, "told", ""),
            train_seconds=seconds,
            train_cpu_seconds=processor,
            peak_memory_mb=memory,
            whole=verdict.whole,
            unreachable=sum(each.unreachable for each in asked),
            explained=_explained(ranker, asked, EXPLAINED[learner.quick]),
        )
        _keep(line, verdict, folder / f"{task.name}.{part}.{learner.seed}")


def _explained(ranker: Ranker, asked: list[Asked], most: int) -> dict[str, int]:
    return ranker.explained(asked, most) if isinstance(ranker, Explaining) else {}


def _keep(line: Line, verdict: Verdict, stem: Path) -> None:
    np.savez(
        stem.with_name(f"{stem.name}.npz"),
        subjects=verdict.subjects,
        figures=verdict.figures,
        fresh=verdict.fresh,
    )
    stem.with_name(f"{stem.name}.json").write_text(json.dumps(asdict(line)))
    means = dict(zip(NAMES, verdict.figures.mean(axis=0).round(4).tolist(), strict=True))
    spent = f"{line.train_seconds:6.1f} s {line.peak_memory_mb:5.0f} MB"
    print(f"{line.task:21} {line.contender:27} {spent} {means} {line.chosen}", flush=True)


def _tuned(
    world: World, task: Task, learner: Learner, trials: list[Settings]
) -> tuple[Settings, float | None]:
    if len(trials) == 1:
        return trials[0], None
    asked = _watched(world, task, learner.quick)
    values = []
    for settings in trials:
        learned, _, _ = learner.learnt(task, task.validation[0], settings)
        values.append(mean_ndcg(learner.contender.answer(learned, settings), asked))
    return trials[int(np.argmax(values))], max(values)


def _watched(world: World, task: Task, quick: bool) -> list[Asked]:
    share = WATCHED[quick] // len(task.validation)
    moments = [ask(world, task, moment, final=False) for moment in task.validation]
    return [asked.sample(share, _WATCH_SEED) for asked in moments]


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_mb() -> float:
    """The most memory that this process has held, in MB, or its largest ended child."""
    status = Path("/proc/self/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line[:6] == "VmHWM:")
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024.0


def main(arguments: list[str]) -> None:
    """All tasks of the data set that the contender takes part in."""
    dataset, name, seed, folder = arguments
    table = RIVALS if name in RIVALS else contenders()
    contender, world = table[name], DATASETS[dataset]()
    learner = Learner(world, contender, int(seed), bool(os.environ.get("QUICK")))
    for task in TASKS:
        if learner.quick and not task.quick:
            continue
        if task.world == dataset and (task.repeats or not contender.needs_repeats):
            run(world, task, name, learner, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
