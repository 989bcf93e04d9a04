"""What is asked on each data set: tasks, their moments, and the questions at each moment.

At a moment the candidates are the items known before it and every past ends there, so no answer
leans on a later event. What is learnt is learnt once, before the first moment; pasts and counts go
on from moment to moment, as they do for a version that serves for weeks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from tests.bench.quality.world import World
from training.engine.arrays import DAY, F32, I64, Mask
from training.engine.history import Past
from training.engine.snapshot import Events

HISTORY_LIMIT = 500
Chosen = Callable[[World], Mask]


@dataclass(frozen=True)
class Task:
    """One way to question a world. repeats: whether met items are candidates; validation, test:
    moments, epoch seconds, each followed by `days` whose acts are the targets; only: items that
    alone are candidates and targets on test, None for all; quick: whether a short run asks it."""

    name: str
    world: str
    repeats: bool
    validation: tuple[float, ...]
    test: tuple[float, ...]
    days: float
    only: Chosen | None = None
    quick: bool = True


@dataclass(frozen=True)
class Asked:
    """The questions of one moment. subjects: int64 [n]; pasts: [n], none empty; targets: per
    question, the distinct items taken up, int64; open: bool [items], the candidates; seen: per
    question, the items that are none, int64; recent(days): weight of every item in the days before
    now, float32 [items]; people(days): how many people took it up in them, int64 [items];
    unreachable: targets that were no candidates."""

    now: float
    subjects: I64
    pasts: list[Past]
    targets: list[I64]
    open: Mask
    seen: list[I64]
    recent: Callable[[float], F32]
    people: Callable[[float], I64]
    unreachable: int

    def __len__(self) -> int:
        return len(self.subjects)

    def allowed(self, index: int) -> Mask:
        """Candidates of one question, bool [items]."""
        allowed = self.open.copy()
        allowed[self.seen[index]] = False
        return allowed

    def sample(self, size: int, seed: int) -> "Asked":
        """At most `size` of the questions, drawn without replacement, in their order."""
        if len(self) <= size:
            return self
        drawn = np.random.default_rng(seed).choice(len(self), size, replace=False)
        keep = np.sort(drawn)
        return Asked(
            self.now,
            self.subjects[keep],
            [self.pasts[i] for i in keep],
            [self.targets[i] for i in keep],
            self.open,
            [self.seen[i] for i in keep],
            self.recent,
            self.people,
            self.unreachable,
        )


def ask(world: World, task: Task, now: float, *, final: bool) -> Asked:
    """The questions at `now`. final: whether it is a moment of test, where `only` holds."""
    events = world.snapshot.events
    open_ = world.snapshot.catalogue.known_from < now
    if final and task.only is not None:
        open_ = open_ & task.only(world)
    ends = events.ends_before(now)
    inside = (events.time >= now) & (events.time < now + task.days * DAY)
    pairs = np.unique(np.stack([events.subject[inside], events.item[inside]], axis=1), axis=0)
    pairs = pairs[ends[pairs[:, 0]] > events.offsets[pairs[:, 0]]]
    subjects, pasts, targets, seen = [], [], [], []
    unreachable = 0
    for subject in np.unique(pairs[:, 0]):
        wanted = _targets(pairs, subject)
        start, end = int(events.offsets[subject]), int(ends[subject])
        closed = np.empty(0, np.int64) if task.repeats else np.unique(events.item[start:end])
        wanted = wanted[~np.isin(wanted, closed)]
        reachable = wanted[open_[wanted]]
        unreachable += len(wanted) - len(reachable)
        if len(reachable):
            subjects.append(subject)
            pasts.append(events.past(int(subject), end, HISTORY_LIMIT))
            targets.append(reachable)
            seen.append(closed)
    return Asked(
        now=now,
        subjects=np.array(subjects, dtype=np.int64),
        pasts=pasts,
        targets=targets,
        open=open_,
        seen=seen,
        recent=lambda days: _recent(events, now, days, len(open_)),
        people=lambda days: _people(events, now, days, len(open_)),
        unreachable=unreachable,
    )


def _targets(pairs: I64, subject: int) -> I64:
    """Items of one subject in pairs that are sorted by subject."""
    first, last = np.searchsorted(pairs[:, 0], [subject, subject + 1])
    wanted: I64 = pairs[first:last, 1]
    return wanted


def _recent(events: Events, now: float, days: float, items: int) -> F32:
    """Weight of each item's events in the `days` before `now`, float32 [items]."""
    inside = (events.time < now) & (events.time >= now - days * DAY)
    return np.bincount(events.item[inside], events.weight[inside], items).astype(np.float32)


def _people(events: Events, now: float, days: float, items: int) -> I64:
    """How many people took up each item in the `days` before `now`, int64 [items]."""
    inside = (events.time < now) & (events.time >= now - days * DAY)
    pairs = np.unique(np.stack([events.subject[inside], events.item[inside]]), axis=1)
    return np.bincount(pairs[1], minlength=items)


def weeks(first: str, count: int) -> tuple[float, ...]:
    """So many weekly moments from a day (ISO date, UTC) on."""
    start = datetime.fromisoformat(first).replace(tzinfo=UTC).timestamp()
    return tuple(start + 7 * DAY * week for week in range(count))
