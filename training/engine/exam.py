"""What the steps of a training are compared by: a fixed sample of a window's cases."""

from dataclasses import dataclass

from training.engine.arrays import I64, Mask
from training.engine.history import Past
from training.engine.snapshot import Events
from training.engine.split import Cases, Split
from training.engine.workbench import Workbench

_WATCHED = 1_000  # subjects that are ranked when a step is measured


@dataclass(frozen=True)
class Exam:
    """Cases by which steps are compared: pasts, targets [cases] and the candidates, bool
    [items]."""

    pasts: list[Past]
    targets: tuple[I64, ...]
    candidates: Mask
    repeats: bool
    now: float


def prepare_exam(bench: Workbench, events: Events, split: Split, cases: Cases) -> Exam:
    """A fixed sample of the window's cases."""
    sample = cases.sample(_WATCHED, seed=bench.seed(21))
    limit = bench.job.count("history_limit")
    return Exam(
        pasts=[
            events.past(int(subject), int(end), limit)
            for subject, end in zip(sample.subjects, sample.ends, strict=True)
        ],
        targets=sample.targets,
        candidates=sample.candidates,
        repeats=split.repeats,
        now=cases.window.start,
    )
