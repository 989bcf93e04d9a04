"""Cuts a snapshot by global time into what is fitted, what fits the fusion, what chooses and what
reports.

At each moment the candidates are the items known before it, and a subject's history ends there, so
no figure leans on a later event. Knows nothing about sources.
"""

from dataclasses import dataclass, replace

import numpy as np

from training.engine.arrays import DAY, F64, I64, Mask
from training.engine.failures import JobError
from training.engine.snapshot import Catalogue, Events, Snapshot

WINDOWS = ("fusion", "validation", "test")
MIN_CASES = 5  # subjects with a past and a future that every window must hold
GOOD_CASES = 200  # with this many, a longer window would only make the models older
_SHARES = (0.05, 0.08, 0.12, 0.16, 0.2)
_LONGEST_DAYS = 35.0
_REPEATS_MATTER = 0.1


@dataclass(frozen=True)
class Window:
    """A stretch of time: start inclusive, end exclusive, epoch seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Cases:
    """The subjects that a window can judge.

    subjects: int64 [cases]; ends: int64 [cases], the row behind each history; targets: per case the
    distinct items (positions) that the subject took up in the window and that were known at its
    start. candidates: bool [items]; unreachable: targets that were not yet known at the start.
    """

    window: Window
    subjects: I64
    ends: I64
    targets: tuple[I64, ...]
    candidates: Mask
    unreachable: int

    def __len__(self) -> int:
        return len(self.subjects)

    def sample(self, size: int, *, seed: int) -> "Cases":
        """At most `size` of the cases, drawn without replacement, in their order."""
        if len(self) <= size:
            return self
        drawn = np.random.default_rng(seed).choice(len(self), size, replace=False)
        keep = np.sort(drawn)
        return Cases(
            window=self.window,
            subjects=self.subjects[keep],
            ends=self.ends[keep],
            targets=tuple(self.targets[index] for index in keep),
            candidates=self.candidates,
            unreachable=self.unreachable,
        )


@dataclass(frozen=True)
class Split:
    """The three windows with their cases, what counts as a target, and whether repeats are
    candidates."""

    cases: dict[str, Cases]
    goal: Mask
    repeats: bool
    repeat_share: float
    end: float
    days: float

    def moment(self, window: str) -> float:
        """When a window starts: what lies before it may be used."""
        return self.cases[window].window.start


def split(snapshot: Snapshot, *, days: float | None, repeats: bool | None) -> Split:
    """Choose windows that end with the data; `days` and `repeats` override what the data suggest.

    Raises JobError too_little_data when some window cannot judge MIN_CASES subjects.
    """
    events = snapshot.events
    goal = goal_of(events)
    end = float(events.time.max()) + 1.0
    tried = []
    for length in [days] if days else _lengths(float(events.time.min()), end):
        tried.append((length, _cut(snapshot, goal, end, length)))
        if _fewest(tried[-1][1]) >= GOOD_CASES:
            break
    chosen_days, found = max(tried, key=lambda attempt: min(_fewest(attempt[1]), GOOD_CASES))
    if _fewest(found) < MIN_CASES:
        raise _too_little(snapshot, _fewest(found))
    share = _repeat_share(events, found["fusion"])
    allowed = share >= _REPEATS_MATTER if repeats is None else repeats
    if not allowed:
        found = {name: _only_new(events, cases) for name, cases in found.items()}
        if _fewest(found) < MIN_CASES:
            raise _too_little(snapshot, _fewest(found))
    return Split(found, goal, allowed, share, end, chosen_days)


def _fewest(found: dict[str, Cases]) -> int:
    return min(len(cases) for cases in found.values())


def _lengths(start: float, end: float) -> list[float]:
    """Window lengths to try, shortest first, in whole weeks where the data allow. Five weeks are
    long enough where they hold enough subjects; sparse data get longer windows."""
    span = (end - start) / DAY
    wished = [min(span * _SHARES[0], _LONGEST_DAYS), *(span * share for share in _SHARES)]
    whole = [float(days // 7 * 7) if days >= 7 else days for days in wished]
    return sorted(set(whole))


def goal_of(events: Events) -> Mask:
    """Which events count as targets: those of the most valued types where they are at least 1 %
    of all positive events (a shop's purchases beside its views), otherwise every positive event."""
    positive = events.weight > 0
    best = events.weight >= 0.5 * events.weight.max()
    enough = positive.any() and best[positive].mean() >= 0.01
    return best & positive if enough else positive


def _cut(snapshot: Snapshot, goal: Mask, end: float, days: float) -> dict[str, Cases]:
    starts = [end - days * DAY * back for back in (3, 2, 1, 0)]
    return {
        name: _cases(snapshot, goal, Window(name, starts[index], starts[index + 1]))
        for index, name in enumerate(WINDOWS)
    }


def _cases(snapshot: Snapshot, goal: Mask, window: Window) -> Cases:
    events = snapshot.events
    candidates = known_before(snapshot.catalogue, window.start)
    ends = events.ends_before(window.start)
    inside = goal & (events.time >= window.start) & (events.time < window.end)
    pairs = np.unique(np.stack([events.subject[inside], events.item[inside]], axis=1), axis=0)
    pairs = pairs[ends[pairs[:, 0]] > events.offsets[pairs[:, 0]]]
    reachable = pairs[candidates[pairs[:, 1]]]
    subjects, first = np.unique(reachable[:, 0], return_index=True)
    targets = np.split(reachable[:, 1], first[1:]) if len(subjects) else []
    return Cases(
        window=window,
        subjects=subjects,
        ends=ends[subjects],
        targets=tuple(targets),
        candidates=candidates,
        unreachable=len(pairs) - len(reachable),
    )


def absent_from(snapshot: Snapshot, cases: Cases) -> Cases:
    """Those with a past at the window's start who took up nothing in it that could have been
    recommended, as cases without targets."""
    events = snapshot.events
    ends = events.ends_before(cases.window.start)
    known = np.flatnonzero(ends > events.offsets[:-1])
    absent = np.setdiff1d(known, cases.subjects)
    nothing = (np.empty(0, dtype=np.int64),) * len(absent)
    return replace(cases, subjects=absent, ends=ends[absent], targets=nothing, unreachable=0)


def known_before(catalogue: Catalogue, moment: float) -> Mask:
    """The items that were listed or met before `moment`, bool [items]."""
    known_from: F64 = catalogue.known_from
    return known_from < moment


def _seen(events: Events, cases: Cases, index: int) -> I64:
    return events.item[events.offsets[cases.subjects[index]] : cases.ends[index]]


def _repeat_share(events: Events, cases: Cases) -> float:
    again = sum(
        int(np.isin(targets, _seen(events, cases, index)).sum())
        for index, targets in enumerate(cases.targets)
    )
    return again / max(1, sum(len(targets) for targets in cases.targets))


def _only_new(events: Events, cases: Cases) -> Cases:
    """The same cases with targets that the subject had not met before; cases left empty drop
    out."""
    fresh = [
        targets[~np.isin(targets, _seen(events, cases, index))]
        for index, targets in enumerate(cases.targets)
    ]
    keep = np.array([index for index, targets in enumerate(fresh) if len(targets)], dtype=np.int64)
    return Cases(
        window=cases.window,
        subjects=cases.subjects[keep],
        ends=cases.ends[keep],
        targets=tuple(fresh[index] for index in keep),
        candidates=cases.candidates,
        unreachable=cases.unreachable,
    )


def _too_little(snapshot: Snapshot, fewest: int) -> JobError:
    events, catalogue = snapshot.events, snapshot.catalogue
    return JobError(
        "too_little_data",
        f"{len(events)} events of {events.subjects} subjects on {len(catalogue)} items leave "
        f"{fewest} subjects to judge in a window; at least {MIN_CASES} subjects need events both "
        f"before and inside each of {len(WINDOWS)} windows: add a longer history or more subjects",
        "events.parquet",
    )
