"""What the processes of a run left in its folder, read back and compared."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.quality.bootstrap import paired_ratio
from tests.bench.quality.one import Line
from training.engine.arrays import F64, I64
from training.engine.metrics import Interval

_SEED = 20261129


@dataclass(frozen=True)
class Result(Line):
    """A line with the figures of its questions: float64 [questions, NAMES]."""

    subjects: I64
    figures: F64
    fresh: I64

    @property
    def ndcg(self) -> F64:
        """NDCG@10 of each question."""
        return self.figures[:, 0]


Table = dict[str, dict[str, list[Result]]]


def read(folder: Path) -> Table:
    """Task -> contender -> one result for each seed."""
    table: Table = {}
    for path in sorted(folder.glob("*.json")):
        arrays = np.load(path.with_suffix(".npz"))
        result = Result(
            **json.loads(path.read_text()), **{name: arrays[name] for name in arrays.files}
        )
        table.setdefault(result.task, {}).setdefault(result.contender, []).append(result)
    return table


def over_seeds(runs: Sequence[Result]) -> F64:
    """Figures of each question, averaged over seeds, float64 [questions, NAMES]."""
    return np.asarray(np.mean([run.figures for run in runs], axis=0), dtype=np.float64)


def ratio(ours: Sequence[Result], theirs: Sequence[Result]) -> Interval:
    """NDCG@10 of ours over theirs, on the same questions. Raises ValueError where the questions
    differ or a training was not finished: then there is no ratio to claim."""
    if not np.array_equal(ours[0].subjects, theirs[0].subjects):
        raise ValueError("they did not answer the same questions")
    if not all(run.finished for run in (*ours, *theirs)):
        raise ValueError("an unfinished training gives no ratio")
    return paired_ratio(
        over_seeds(ours)[:, 0], over_seeds(theirs)[:, 0], ours[0].subjects, seed=_SEED
    )


def best_single(results: dict[str, list[Result]], names: Sequence[str]) -> str | None:
    """The finished one of `names` that is best on test: the strictest to be compared with."""
    there = [
        name for name in names if name in results and all(run.finished for run in results[name])
    ]
    means = {name: float(over_seeds(results[name])[:, 0].mean()) for name in there}
    return max(means, key=lambda name: means[name], default=None)
