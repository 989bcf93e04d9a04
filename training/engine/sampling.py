"""Draws training batches from events: stretches of a subject's events, questions inside them,
and what the subject took up next. Every draw follows from (seed, epoch, step), so a resumed run
draws the same.
"""

from dataclasses import dataclass

import numpy as np
import torch

from training.engine.arrays import DAY, F64, I64, AnyArray, Mask
from training.engine.history import Past
from training.engine.network import NO_TARGET, Batch
from training.engine.snapshot import Events
from training.engine.sources.sequence import bucket

_END_WEIGHT = 4  # a question after a whole basket is what serving asks; one inside still teaches


@dataclass(frozen=True)
class Sampler:
    """The events before a moment, ready for drawing; arrays over all n events unless stated, of
    which those from the moment on are never drawn.

    ends: int64 [subjects], the row behind the last of each subject's that may be drawn; goal_item:
    int64 [goals]; first, stop: uint32, range of rows in `goal_item` that lie within the horizon
    after each event; later: uint32, row of the subject's next later event, its own where there is
    none; weight: uint8, how often a question is asked there; repeats: whether what a subject has
    met may be a target.
    """

    events: Events
    moment: float
    ends: I64
    goal_item: I64
    first: AnyArray
    stop: AnyArray
    later: AnyArray
    weight: AnyArray
    length: int
    questions: int
    repeats: bool

    def __len__(self) -> int:
        """How many events may be drawn."""
        return int((self.ends - self.events.offsets[:-1]).sum())

    def met(self, items: int) -> Mask:
        """Which of the catalogue's items these events name, bool [items]."""
        met: Mask = np.zeros(items, dtype=np.bool_)
        met[self.events.item[self.events.time < self.moment]] = True
        return met

    def stretches(self, seed: int, epoch: int) -> I64:
        """Row ranges [stretches, 2] of this epoch in random order; each holds some question."""
        generator = np.random.default_rng([seed, 1, epoch])
        starts = self.events.offsets[:-1]
        shift = generator.integers(0, self.length, len(starts))
        every = _cut(starts, self.ends, shift, self.length)
        # Between two subjects lie events that come too late, and nobody asks there.
        asked = np.maximum.reduceat(self.weight, every[:, 0]) > 0
        return generator.permutation(every[asked])

    def batch(self, ranges: I64, seed: int, step: int) -> Batch:
        """The sequences of `ranges` [B, 2] with questions and targets drawn for this step."""
        generator = np.random.default_rng([seed, 2, step])
        width = int((ranges[:, 1] - ranges[:, 0]).max())
        rows = ranges[:, :1] + np.arange(width)
        inside = rows < ranges[:, 1:]
        rows = np.minimum(rows, ranges[:, 1:] - 1)
        place, there = self._places(rows, inside, generator)
        asked_row = np.take_along_axis(rows, place, axis=1)
        wait = generator.random(place.shape)
        time = self.events.time
        asked_time = time[asked_row]
        asked_time = asked_time + wait * (time[self.later[asked_row]] - asked_time)
        span = self.stop[asked_row] - self.first[asked_row]
        drawn = self.first[asked_row] + np.floor(generator.random(place.shape) * span)
        return _batch(
            item=self.events.item[rows],
            type=self.events.type[rows],
            time=time[rows],
            amount=self.events.weight[rows] * inside,
            place=place,
            asked_time=asked_time,
            target=np.where(there, self.goal_item[drawn.astype(np.int64) * there], NO_TARGET),
        )

    def _places(self, rows: I64, inside: Mask, generator: np.random.Generator) -> tuple[I64, Mask]:
        """Where questions are asked, [B, K], each place at most once, and which of them are there:
        a stretch may have fewer places than others.

        Drawn by weight without replacement: Efraimidis & Spirakis 2006.
        """
        weight = self.weight[rows] * inside
        most = min(self.questions, int((weight > 0).sum(axis=1).max()))
        wait = generator.exponential(size=weight.shape)
        wait = np.divide(wait, weight, out=np.full_like(wait, np.inf), where=weight > 0)
        place = np.argsort(wait, axis=1)[:, :most]
        return place, np.take_along_axis(weight, place, axis=1) > 0


def sampler(
    events: Events,
    goal: Mask,
    *,
    moment: float,
    horizon_days: float,
    length: int,
    questions: int,
    repeats: bool,
) -> Sampler:
    """Prepare drawing from the events before `moment`; a target lies at most `horizon_days`
    ahead."""
    early = events.time < moment
    goal_rows = np.flatnonzero(goal & early)
    behind = _behind(events)
    counted = np.concatenate(([0], np.cumsum(goal & early))).astype(np.uint32)
    first = counted[behind]
    stop = _goals_until(events, early, goal_rows, horizon_days * DAY)
    row = np.arange(len(events), dtype=np.uint32)
    following = np.minimum(behind, len(events) - 1)
    goes_on = early[following] & (events.subject[following] == events.subject)
    asked = early & (stop > first)
    at_end = behind == row + 1
    return Sampler(
        events=events,
        moment=moment,
        ends=events.ends_before(moment),
        goal_item=events.item[goal_rows],
        first=first,
        stop=stop,
        later=np.where(goes_on & (behind < len(events)), behind, row),
        weight=asked * np.where(at_end, np.uint8(_END_WEIGHT), np.uint8(1)),
        length=length,
        questions=questions,
        repeats=repeats,
    )


def _behind(events: Events) -> AnyArray:
    """The row behind the last that has each row's subject and time, uint32 [n]."""
    changes = (np.diff(events.subject) != 0) | (np.diff(events.time) != 0)
    ends = np.append(np.flatnonzero(changes) + 1, len(events)).astype(np.uint32)
    return np.repeat(ends, np.diff(ends, prepend=np.uint32(0)))


def _goals_until(events: Events, early: Mask, goal_rows: I64, seconds: float) -> AnyArray:
    """How many goals lie before the end of each early row's horizon, among all goals, uint32
    [n]."""
    times = events.time[early]
    start, span = float(times.min()), float(times.max() - times.min())
    # One number that rises with the subject and, within a subject, with time.
    key = events.subject * (span + 2.0 * seconds + 10.0) + (events.time - start)
    goals = key[goal_rows]
    key += seconds
    return np.searchsorted(goals, key, side="right").astype(np.uint32)


def _cut(starts: I64, ends: I64, shift: I64, length: int) -> I64:
    """Each subject's rows from start to end, cut `shift` rows behind the start and then after every
    `length`; [stretches, 2]."""
    count = ends - starts
    inner = np.maximum(0, -(-(count - shift) // length))
    pieces = np.where(count > 0, 1 + inner - (shift == 0), 0)
    owner = np.repeat(np.arange(len(starts)), pieces)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    ahead = np.where(shift == 0, length, shift)[owner] + (place - 1) * length
    ranges = np.empty((len(owner), 2), dtype=np.int64)
    ranges[:, 0] = starts[owner] + np.where(place > 0, ahead, 0)
    ranges[:-1, 1] = ranges[1:, 0]
    last = place == pieces[owner] - 1
    ranges[last, 1] = ends[owner[last]]
    return ranges


def batch_of_pasts(pasts: list[Past], now: float, length: int) -> Batch:
    """One question at `now` about each past; targets are left at 0."""
    pasts = [past.newest(length) for past in pasts]
    width = max(len(past) for past in pasts)
    rows = [np.minimum(np.arange(width), len(past) - 1) for past in pasts]
    place = np.array([[len(past) - 1] for past in pasts])
    inside = np.arange(width) <= place
    return _batch(
        item=np.stack([past.item[row] for past, row in zip(pasts, rows, strict=True)]),
        type=np.stack([past.type[row] for past, row in zip(pasts, rows, strict=True)]),
        time=np.stack([past.time[row] for past, row in zip(pasts, rows, strict=True)]),
        amount=np.stack([past.weight[row] for past, row in zip(pasts, rows, strict=True)]) * inside,
        place=place,
        asked_time=np.full(place.shape, now),
        target=np.full(place.shape, NO_TARGET),
    )


def _batch(
    *, item: I64, type: I64, time: F64, amount: AnyArray, place: I64, asked_time: F64, target: I64
) -> Batch:
    gap = bucket(np.diff(time, axis=1, prepend=time[:, :1]))
    last_time = np.take_along_axis(time, place, axis=1)
    return Batch(
        item=torch.from_numpy(item),
        type=torch.from_numpy(type),
        gap=torch.from_numpy(gap),
        amount=torch.from_numpy(amount.astype(np.float32)),
        place=torch.from_numpy(place),
        asked=torch.from_numpy(bucket(asked_time - last_time)),
        age=torch.from_numpy(bucket(asked_time[..., None] - time[:, None, :])),
        target=torch.from_numpy(target),
    )
