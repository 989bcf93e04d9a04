"""What takes part in the benchmark: it learns from what lies before a moment, and then ranks for
any past. Holds nothing about a subject that it could not be told anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tests.bench.quality.protocol import Asked
from training.engine.arrays import F32, I64, Settings
from training.engine.fusion import best
from training.engine.history import Past
from training.engine.metrics import DEPTH
from training.engine.snapshot import Snapshot

_AT_ONCE = 512  # pasts that are scored together


@dataclass(frozen=True)
class Study:
    """What may be learnt from. snapshot: events before `moment` alone; repeats: whether met items
    are candidates; days: how far ahead targets lie; quick: whether it is for a short run."""

    snapshot: Snapshot
    moment: float
    repeats: bool
    days: float
    seed: int
    world: str
    quick: bool = False


@runtime_checkable
class Explaining(Protocol):
    """A ranker that also says which event of a past speaks for an item."""

    def explained(self, moments: Sequence[Asked], most: int) -> dict[str, int]:
        """checked: answers whose explanation was held against the truth, at most so many; agreed:
        of these."""
        ...


class Ranker(Protocol):
    """Answers questions after learning."""

    def rank(self, asked: Asked) -> I64:
        """The best allowed items of each question, int64 [questions, DEPTH], -1 behind the end."""
        ...


def _one(half_lives: tuple[float, ...], pace: float) -> list[Settings]:
    return [{}]


@dataclass(frozen=True)
class Contender:
    """learn(study, settings) gives what answer(learned, settings) makes a Ranker of, or several by
    name where one learning gives several. trials: the
    settings compared on validation, from the data set's half-lives in days and the pace of its
    subjects;
    learned: the settings that need learning anew. rival: whether the served choice is compared
    with it; needs_repeats: whether it says nothing of items that a subject has not met; libraries:
    whether it runs in the environment of the rivals' libraries; seeded: whether chance plays a
    part, so that it runs once for each seed; costly: whether it takes part with one seed alone;
    per_task: whether what it learns depends on the task and not on the data alone; worlds: where
    it takes part, all if empty.
    """

    learn: Callable[[Study, Settings], Any]
    answer: Callable[[Any, Settings], Any]
    trials: Callable[[tuple[float, ...], float], list[Settings]] = _one
    learned: frozenset[str] = frozenset()
    rival: bool = True
    needs_repeats: bool = False
    libraries: bool = False
    seeded: bool = False
    costly: bool = False
    per_task: bool = False
    worlds: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ByScore:
    """A ranker from a function that scores the catalogue: (pasts, asked) -> float32 [n, items]."""

    score: Callable[[Sequence[Past], Asked], F32]

    def rank(self, asked: Asked) -> I64:
        ranked = np.full((len(asked), DEPTH), -1, dtype=np.int64)
        for first in range(0, len(asked), _AT_ONCE):
            scores = self.score(asked.pasts[first : first + _AT_ONCE], asked)
            for row, line in enumerate(scores):
                found = best(line, asked.allowed(first + row), DEPTH)
                ranked[first + row, : len(found)] = found
        return ranked
