"""When a job's turn will come: the fair queue played forward with what is expected. Pure."""

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from tenants.work.shares import rank

# Nothing ends in no time, whatever is expected of it.
LEAST_SECONDS = 1.0
# So far ahead it is worth looking; the page asks every few seconds.
MOST = 500


@dataclass(frozen=True)
class Running:
    """What holds slots of a machine, and for how many seconds yet. machine: its place among those
    that are there, -1 for one that is not."""

    tenant_id: UUID
    left: float
    machine: int = 0
    slots: int = 1


@dataclass(frozen=True)
class Waiting:
    """What waits in line: expected seconds and seconds waited, its tenant's account, and the slots
    that it needs on one machine."""

    item_id: int
    tenant_id: UUID
    expected: float
    waited: float
    served: float
    weight: float
    at_once: int
    slots: int = 1


@dataclass(frozen=True)
class Machine:
    """A worker: its slots, and how many of them one item may take."""

    slots: int
    widest: int


@dataclass(frozen=True)
class Turn:
    """`place` counts from 1; `seconds` from now until the start."""

    place: int
    seconds: float


def turns(
    machines: Sequence[Machine], running: Iterable[Running], waiting: Iterable[Waiting]
) -> dict[int, Turn]:
    """Item -> its turn; what no machine will take, or only after MOST others, is missing.

    As if nothing more came and everything took as long as expected.
    """
    widest = max((machine.widest for machine in machines), default=0)
    course = _Course(machines, _lines(each for each in waiting if each.slots <= widest))
    for run in running:
        course.begin_held(run)
    while course.lines and len(course.found) < MOST:
        item = course.next()
        place = None if item is None else course.place_for(item)
        if item is not None and place is not None:
            course.begin(item, place)
        elif not course.end_one():
            break
    return course.found


class _Course:
    """The queue as it plays on: what is free and held at `moment`, and the turns found so far."""

    def __init__(self, machines: Sequence[Machine], lines: dict[UUID, deque[Waiting]]) -> None:
        self.machines, self.lines = machines, lines
        self.free = [machine.slots for machine in machines]
        self.served = {tenant_id: line[0].served for tenant_id, line in lines.items()}
        self.ends: list[tuple[float, int, Running]] = []
        self._numbers = itertools.count()  # what ends at once ends in the order of its begin
        self.items: Counter[UUID] = Counter()
        self.held: Counter[UUID] = Counter()
        self.moment = 0.0
        self.found: dict[int, Turn] = {}

    def begin_held(self, run: Running) -> None:
        """Something that runs already. It is charged by the time it ends."""
        if run.tenant_id in self.lines:
            weight = self.lines[run.tenant_id][0].weight
            self.served[run.tenant_id] += run.left * run.slots / weight
        self._hold(run, run.left)

    def next(self) -> Waiting | None:
        """Whose turn it is; None where every tenant runs as many as it may."""
        heads = [line[0] for line in self.lines.values()]
        ready = [head for head in heads if self.items[head.tenant_id] < head.at_once]
        return min(ready, key=self._order, default=None)

    def place_for(self, item: Waiting) -> int | None:
        """The machine with the most free slots that could take it now."""
        fits = [
            (-free, place)
            for place, (machine, free) in enumerate(zip(self.machines, self.free, strict=True))
            if item.slots <= min(machine.widest, free)
        ]
        return min(fits)[1] if fits else None

    def begin(self, item: Waiting, place: int) -> None:
        """Its turn has come."""
        self.found[item.item_id] = Turn(len(self.found) + 1, self.moment)
        seconds = max(item.expected, LEAST_SECONDS)
        self.served[item.tenant_id] += seconds * item.slots / item.weight
        self._hold(Running(item.tenant_id, seconds, place, item.slots), self.moment + seconds)
        _leave(self.lines, item.tenant_id)

    def end_one(self) -> bool:
        """Go on to the end of what ends next; False when nothing runs."""
        if not self.ends:
            return False
        self.moment, _, run = heapq.heappop(self.ends)
        self.items[run.tenant_id] -= 1
        self.held[run.tenant_id] -= run.slots
        if run.machine >= 0:
            self.free[run.machine] += run.slots
        return True

    def _hold(self, run: Running, end: float) -> None:
        heapq.heappush(self.ends, (end, next(self._numbers), run))
        self.items[run.tenant_id] += 1
        self.held[run.tenant_id] += run.slots
        if run.machine >= 0:
            self.free[run.machine] -= run.slots

    def _order(self, item: Waiting) -> tuple[float, float, int]:
        waited = item.waited + self.moment
        used, held = self.served[item.tenant_id], self.held[item.tenant_id]
        return rank(used, held, item.weight, waited), -waited, item.item_id


def _lines(waiting: Iterable[Waiting]) -> dict[UUID, deque[Waiting]]:
    """What waits of each tenant, the longest first."""
    lines: dict[UUID, deque[Waiting]] = {}
    for item in sorted(waiting, key=lambda item: -item.waited):
        lines.setdefault(item.tenant_id, deque()).append(item)
    return lines


def _leave(lines: dict[UUID, deque[Waiting]], tenant_id: UUID) -> None:
    lines[tenant_id].popleft()
    if not lines[tenant_id]:
        del lines[tenant_id]
