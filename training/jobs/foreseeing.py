"""When a job's turn will come: the fair queue played forward with what is expected. Pure."""

import heapq
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from tenants.work.shares import rank

# Nothing ends in no time, whatever is expected of it.
LEAST_SECONDS = 1.0
# So far ahead it is worth looking; the page asks every few seconds.
MOST = 500


@dataclass(frozen=True)
class Running:
    """What holds a slot, and for how many seconds yet."""

    tenant_id: UUID
    left: float


@dataclass(frozen=True)
class Waiting:
    """What waits in line: expected seconds and seconds waited, and its tenant's account."""

    item_id: int
    tenant_id: UUID
    expected: float
    waited: float
    served: float
    weight: float
    at_once: int


@dataclass(frozen=True)
class Turn:
    """`place` counts from 1; `seconds` from now until the start."""

    place: int
    seconds: float


def turns(slots: int, running: Iterable[Running], waiting: Iterable[Waiting]) -> dict[int, Turn]:
    """Item -> its turn; what no slot will take, or only after MOST others, is missing.

    As if nothing more came and everything took as long as expected.
    """
    lines = _lines(waiting)
    served = {tenant_id: line[0].served for tenant_id, line in lines.items()}
    ends: list[tuple[float, str, UUID]] = []
    for run in running:
        ends.append((run.left, str(run.tenant_id), run.tenant_id))
        if run.tenant_id in lines:  # charged by the time it ends
            served[run.tenant_id] += run.left / lines[run.tenant_id][0].weight
    heapq.heapify(ends)
    holds = Counter(tenant_id for _, _, tenant_id in ends)
    found: dict[int, Turn] = {}
    moment = 0.0
    while lines and slots and len(found) < MOST:
        item = _next(lines, served, holds, moment) if len(ends) < slots else None
        if item is not None:
            found[item.item_id] = Turn(len(found) + 1, moment)
            seconds = max(item.expected, LEAST_SECONDS)
            heapq.heappush(ends, (moment + seconds, str(item.tenant_id), item.tenant_id))
            holds[item.tenant_id] += 1
            served[item.tenant_id] += seconds / item.weight
            _leave(lines, item.tenant_id)
        elif ends:
            moment, _, tenant_id = heapq.heappop(ends)
            holds[tenant_id] -= 1
        else:
            break
    return found


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


def _next(
    lines: dict[UUID, deque[Waiting]],
    served: dict[UUID, float],
    holds: Counter[UUID],
    moment: float,
) -> Waiting | None:
    """Whose turn it is at `moment`; None where every tenant runs as many as it may."""
    heads = [line[0] for line in lines.values() if holds[line[0].tenant_id] < line[0].at_once]

    def order(item: Waiting) -> tuple[float, float, int]:
        waited = item.waited + moment
        used, held = served[item.tenant_id], holds[item.tenant_id]
        return rank(used, held, item.weight, waited), -waited, item.item_id

    return min(heads, key=order, default=None)
