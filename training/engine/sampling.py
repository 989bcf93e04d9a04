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

_END_WEIGHT = 4.0  # a question after a whole basket is what serving asks; one inside still teaches


@dataclass(frozen=True)
class Sampler:
    """Events before a moment, ready for drawing; arrays over n events unless stated.

    first, stop: int64 [n], range of rows in `goal_item` that lie within the horizon after each
    event; next_time: time of the subject's next later event; weight: how often a question is asked
    there; repeats: whether what a subject has met may be a target.
    """

    item: I64
    time: F64
    amount: F64
    type: I64
    offsets: I64
    goal_item: I64
    first: I64
    stop: I64
    next_time: F64
    weight: F64
    length: int
    questions: int
    repeats: bool

    def stretches(self, seed: int, epoch: int) -> I64:
        """Row ranges [stretches, 2] of this epoch in random order; each holds some question."""
        generator = np.random.default_rng([seed, 1, epoch])
        shift = generator.integers(0, self.length, len(self.offsets) - 1)
        ranges = []
        for subject in range(len(self.offsets) - 1):
            start, end = int(self.offsets[subject]), int(self.offsets[subject + 1])
            inner = np.arange(start + int(shift[subject]), end, self.length)
            cuts = np.unique(np.concatenate(([start], inner, [end])))
            ranges.append(np.stack([cuts[:-1], cuts[1:]], axis=1))
        every = np.concatenate(ranges)
        summed = np.concatenate(([0.0], np.cumsum(self.weight)))
        asked = summed[every[:, 1]] > summed[every[:, 0]]
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
        asked_time = self.time[asked_row]
        asked_time = asked_time + wait * (self.next_time[asked_row] - asked_time)
        span = self.stop[asked_row] - self.first[asked_row]
        drawn = self.first[asked_row] + np.floor(generator.random(place.shape) * span)
        return _batch(
            item=self.item[rows],
            type=self.type[rows],
            time=self.time[rows],
            amount=self.amount[rows] * inside,
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
        most = min(self.questions, int((weight > 0.0).sum(axis=1).max()))
        wait = generator.exponential(size=weight.shape)
        wait = np.divide(wait, weight, out=np.full_like(wait, np.inf), where=weight > 0.0)
        place = np.argsort(wait, axis=1)[:, :most]
        return place, np.take_along_axis(weight, place, axis=1) > 0.0


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
    time, subject = events.time[early], events.subject[early]
    stride = float(time.max() - time.min()) + 2.0 * horizon_days * DAY + 10.0
    key = subject * stride + (time - time.min())
    goal_rows = np.flatnonzero(goal[early])
    first = np.searchsorted(key[goal_rows], key, side="right")
    stop = np.searchsorted(key[goal_rows], key + horizon_days * DAY, side="right")
    later = np.searchsorted(key, key, side="right")
    same = later < len(key)
    following = np.minimum(later, len(key) - 1)
    same = same & (subject[following] == subject)
    at_end = np.arange(1, len(key) + 1) == later
    counts = np.bincount(subject, minlength=events.subjects)
    return Sampler(
        item=events.item[early],
        time=time,
        amount=events.weight[early].astype(np.float64),
        type=events.type[early],
        offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        goal_item=events.item[early][goal_rows],
        first=first.astype(np.int64),
        stop=stop.astype(np.int64),
        next_time=np.where(same, time[following], time),
        weight=np.where(stop > first, np.where(at_end, _END_WEIGHT, 1.0), 0.0),
        length=length,
        questions=questions,
        repeats=repeats,
    )


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
