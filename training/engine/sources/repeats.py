"""Whether a subject comes back for an item, learnt from how often, how lately and at what rhythm
they took it up, and how often others come back for it.

A logistic regression over what subjects had met at past moments, and took up again soon after or
did not. Acts against an item, such as a dislike, are no visits. What a subject has not met scores
below all that they chose; what they turned against comes last. Pure numpy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.engine.arrays import DAY, F32, F64, I64, Mask, Settings, Tensors
from training.engine.history import Past
from training.engine.pace import pace_days
from training.engine.reasons import Cause
from training.engine.snapshot import Events
from training.engine.sources.own import TIE_BREAK, TIE_DAYS, bought_before
from training.engine.sources.popularity import popular_share
from training.engine.sources.source import Ground, one_by_one
from training.engine.split import goal_of

_HALF_LIVES = (0.25, 1.0, 3.0, 12.0)  # in times between two visits
_AHEAD = 0.25  # "soon after", in the same measure
_BACK = range(1, 27)  # moments that are learnt from, counted back in the same measure
_CASES = 3_000  # subjects at moments that are learnt from; fewer than _FEW teach nothing
_FEW = 50
_EVENTS = 500  # of one past
_SMOOTHING = 20.0  # meetings that an item's own rate must outweigh
_RIDGE = 1.0
_ROUNDS = 12


@dataclass(frozen=True)
class Repeats:
    """weight: float32 [features + 1], the last one for all; rate: float32 [items], how often who
    met an item takes it up again soon; tie: float32 [items], recent popularity; pace: days between
    two visits."""

    weight: F32
    rate: F32
    tie: F32
    pace: float

    def score(self, past: Past, now: float) -> F32:
        items, told = features_of(past, now, self.rate, self.pace)
        scores = (TIE_BREAK * self.tie).astype(np.float32)
        scores[past.item[past.weight < 0.0]] = 0.0
        odds = told @ self.weight[:-1] + self.weight[-1]
        scores[items] += 1.0 / (1.0 + np.exp(-np.clip(odds, -12.0, 12.0)))
        return scores

    def score_all(self, pasts: Sequence[Past], now: float) -> F32:
        return one_by_one(self, pasts, now)

    def level(self, scores: F32, items: I64) -> F32:
        return np.log(1e-3 + np.maximum(scores[items], 0.0)).astype(np.float32)

    def causes(self, past: Past, now: float, items: list[int]) -> list[Cause]:
        return [bought_before(past, now, item, self.tie) for item in items]

    def tensors(self) -> Tensors:
        return {"weight": self.weight, "rate": self.rate, "tie": self.tie}

    def settings(self) -> Settings:
        return {"pace": self.pace}


def features_of(past: Past, now: float, rate: F32, pace: float) -> tuple[I64, F64]:
    """The distinct items that a past has chosen and what the regression is told of each,
    [items, features]."""
    past = past.chosen()
    items, place = np.unique(past.item, return_inverse=True)
    count = len(items)
    age = np.maximum(0.0, now - past.time) / DAY / pace
    amount = past.weight.astype(np.float64)
    last, first = np.full(count, np.inf), np.zeros(count)
    np.minimum.at(last, place, age)
    np.maximum.at(first, place, age)
    visit = np.floor(30.0 * past.time / DAY / pace).astype(np.int64)
    span = int(visit.max(initial=0)) + 1
    visits = np.bincount(np.unique(place * span + visit) // span, minlength=count).astype(
        np.float64
    )
    again = visits > 1
    rhythm = np.where(again, (first - last) / np.maximum(visits - 1.0, 1.0), 0.0)
    due = np.where(again, np.log((last + 0.1) / (rhythm + 0.1)), 0.0)
    decayed = [
        np.log(np.bincount(place, amount * np.exp2(-age / half), count) + 1e-3)
        for half in _HALF_LIVES
    ]
    share = np.log(visits / len(np.unique(visit)))
    known = (np.log(visits), np.log(last + 0.03), again, due, due**2, np.log(rate[items]), share)
    return items, np.stack([*known, *decayed], axis=1)


def fit(ground: Ground, settings: Settings) -> Repeats:
    """Learn from the moments before the ground's. Where too few came back, it is the decayed
    count."""
    events = ground.snapshot.events
    pace = pace_days(events, ground.moment)
    cases = _cases(events, ground.moment, pace)
    rate = _rates(events, cases, ground.item_count)
    weight = _regressed(cases, rate, pace) if len(cases) >= _FEW else _counted()
    return Repeats(weight.astype(np.float32), rate, popular_share(ground, TIE_DAYS), pace)


def restore(tensors: Tensors, settings: Settings) -> Repeats:
    return Repeats(tensors["weight"], tensors["rate"], tensors["tie"], float(settings["pace"]))


@dataclass(frozen=True)
class _Case:
    """A subject at a moment: their past up to it, and what they took up soon after."""

    past: Past
    now: float
    taken: I64

    def hits(self, items: I64) -> Mask:
        return np.isin(items, self.taken)


def _cases(events: Events, moment: float, pace: float) -> list[_Case]:
    """Subjects with a past who took something up, at moments that lie one after the other."""
    ahead, goal = _AHEAD * pace * DAY, goal_of(events)
    moments = [_Moment.at(events, goal, moment - back * ahead, ahead) for back in _BACK]
    firsts = np.cumsum([0, *(len(each.subjects) for each in moments)])
    count = int(firsts[-1])
    drawn = np.sort(np.random.default_rng(count).permutation(count)[:_CASES])
    which = np.searchsorted(firsts, drawn, side="right") - 1
    cases = [
        moments[at].case(events, index - firsts[at]) for at, index in zip(which, drawn, strict=True)
    ]
    return [case for case in cases if len(case.past)]


@dataclass(frozen=True)
class _Moment:
    """Who took something up soon after a moment and had a past before it. taken: rows of the
    events; subject i of `subjects` took up taken[first[i]:first[i + 1]]; ends: int64 [subjects],
    the row behind each past."""

    now: float
    subjects: I64
    ends: I64
    taken: I64
    first: I64

    @classmethod
    def at(cls, events: Events, goal: Mask, now: float, ahead: float) -> "_Moment":
        ends = events.ends_before(now)
        inside = np.flatnonzero(goal & (events.time >= now) & (events.time < now + ahead))
        subject = events.subject[inside]
        inside = inside[ends[subject] > events.offsets[subject]]
        subjects, first = np.unique(events.subject[inside], return_index=True)
        return cls(now, subjects, ends[subjects], inside, np.append(first, len(inside)))

    def case(self, events: Events, index: int) -> _Case:
        past = events.past(int(self.subjects[index]), int(self.ends[index]), _EVENTS).chosen()
        rows = self.taken[self.first[index] : self.first[index + 1]]
        return _Case(past, self.now, events.item[rows])


def _rates(events: Events, cases: list[_Case], items: int) -> F32:
    """Smoothed share of the meetings of each item that were followed by another, above 0."""
    met, again = np.zeros(items), np.zeros(items)
    for case in cases:
        distinct = np.unique(case.past.item)
        met[distinct] += 1.0
        again[distinct] += case.hits(distinct)
    usual = (again.sum() + 1.0) / (met.sum() + 2.0)
    share = (again + _SMOOTHING * usual) / (met + _SMOOTHING)
    return np.asarray(share, dtype=np.float32)


def _regressed(cases: list[_Case], rate: F32, pace: float) -> F64:
    """Weights by Newton's method on standardised features, turned back to plain ones."""
    told, hits = [], []
    for case in cases:
        items, features = features_of(case.past, case.now, rate, pace)
        told.append(features)
        hits.append(case.hits(items))
    x, y = np.concatenate(told), np.concatenate(hits).astype(np.float64)
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    x = np.column_stack([(x - mean) / scale, np.ones(len(x))])
    weight = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(x @ weight, -30.0, 30.0)))
        curve = (x * (chance * (1.0 - chance))[:, None]).T @ x + _RIDGE * np.eye(len(weight))
        weight += np.linalg.solve(curve, x.T @ (y - chance) - _RIDGE * weight)
    plain = weight[:-1] / scale
    return np.append(plain, weight[-1] - plain @ mean)


def _counted() -> F64:
    """Only the decayed count of the middle half-life speaks."""
    weight = np.zeros(7 + len(_HALF_LIVES) + 1)
    weight[7 + _HALF_LIVES.index(3.0)] = 1.0
    return weight
