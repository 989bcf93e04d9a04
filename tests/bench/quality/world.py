"""A data set as the benchmark sees it, and what of it may be known at a moment. Pure arrays."""

from dataclasses import dataclass, replace

import numpy as np

from training.engine.arrays import DAY, F64, I64, AnyArray, Mask
from training.engine.snapshot import Catalogue, Events, Snapshot

STEP_END = 1_600_000_000.0  # when everybody's last act lies where only its order is known


class DataMissing(Exception):
    """A data set is not where it should be. The message names it and what to do."""


@dataclass(frozen=True)
class World:
    """A data set. group: int64 [items], codes for calibration, named by `groups`; half_lives: days
    that contenders may try; note: what a reader must know of it."""

    name: str
    snapshot: Snapshot
    group: I64
    groups: str
    half_lives: tuple[float, ...]
    note: str


def events_of(subject: I64, item: I64, time: F64) -> Events:
    """Acts of one kind and of weight 1, in any order; subjects are numbered anew from 0."""
    _, dense = np.unique(subject, return_inverse=True)
    order = np.lexsort((item, time, dense))
    dense = dense[order].astype(np.int64)
    count = len(dense)
    return Events(
        subject=dense,
        item=item[order].astype(np.int64),
        time=time[order].astype(np.float64),
        weight=np.ones(count, np.float32),
        type=np.ones(count, np.int64),
        value=np.zeros(count, np.float32),
        offsets=np.concatenate(([0], np.cumsum(np.bincount(dense)))).astype(np.int64),
        types=("purchase",),
    )


def steps_as_time(offsets: I64) -> F64:
    """A moment for each act of ordered sequences without times: the last act of everybody lies
    half a day behind STEP_END, each earlier one a day before. float64 [events]."""
    lengths = np.diff(offsets)
    last = np.repeat(offsets[1:] - 1, lengths)
    back = last - np.arange(offsets[-1])
    return STEP_END + DAY * (0.5 - back)


def only(events: Events, kept: Mask) -> Events:
    """Some of the events. Subjects keep their numbers, also those of whom nothing is left."""
    counts = np.bincount(events.subject[kept], minlength=events.subjects)
    columns: dict[str, AnyArray] = {
        name: getattr(events, name)[kept]
        for name in ("subject", "item", "time", "weight", "type", "value")
    }
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return Events(**columns, offsets=offsets, types=events.types)


def part_of(world: World, name: str, some: int, of: int) -> World:
    """A smaller world: `some` of every `of` subjects, and the items that they met."""
    events = world.snapshot.events
    snapshot, kept = met_alone(world.snapshot, events.subject % of < some)
    note = f"{world.note}; {some} in {of} of its people and what they met"
    return replace(world, name=name, snapshot=snapshot, group=world.group[kept], note=note)


def met_alone(snapshot: Snapshot, some: Mask) -> tuple[Snapshot, I64]:
    """Some of the events and the items that they are about, numbered anew; and which these are.
    Subjects keep their numbers."""
    events, whole = only(snapshot.events, some), snapshot.catalogue
    kept = np.unique(events.item)
    title, text, category = (
        tuple(words[item] for item in kept) for words in (whole.title, whole.text, whole.category)
    )
    numbers = np.arange(1, len(kept) + 1, dtype=np.int64)
    catalogue = Catalogue(numbers, title, text, category, whole.price[kept], whole.known_from[kept])
    return Snapshot(catalogue, replace(events, item=np.searchsorted(kept, events.item))), kept


def before(world: World, moment: float) -> Snapshot:
    """What was known at `moment`: the events before it. Of an item that was met only later,
    `known_from` lies behind the moment."""
    events = world.snapshot.events
    return replace(world.snapshot, events=only(events, events.time < moment))


def catalogue_of(
    title: list[str], category: list[str], price: AnyArray | None, known_from: F64
) -> Catalogue:
    """A catalogue whose item numbers are the positions plus 1."""
    count = len(title)
    return Catalogue(
        items=np.arange(1, count + 1, dtype=np.int64),
        title=tuple(title),
        text=("",) * count,
        category=tuple(category),
        price=np.full(count, np.nan, np.float32) if price is None else price.astype(np.float32),
        known_from=known_from,
    )


def codes(names: list[str]) -> I64:
    """Numbers from 0 for names, equal for equal ones."""
    _, code = np.unique(np.array(names), return_inverse=True)
    return code.astype(np.int64)
