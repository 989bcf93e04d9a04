"""Requests of one tenant that come at the same moment are landed together: what one of them costs
beside its events (questions, a commit) is paid once for all.

Whoever comes first lands what waits, in its own thread and one transaction; the others wait, and
each is told its own outcome once that is committed. While that goes on, who comes gathers anew. A
sender who was answered a moment ago mostly sends again at once: whoever leads waits for as many as
came lately, but not longer than LINGER, and nobody who comes alone waits at all.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Semaphore
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError

from tenants.access.turns import TURNS
from tenants.accounts.tokens import Token
from tenants.behaviour.streaming.records import AcceptedEvents
from tenants.behaviour.streaming.streaming import accept_together
from tenants.behaviour.streaming.told import Told
from tenants.errors import Unavailable
from tenants.isolation.scope import tenant_scope

Asked = TypeVar("Asked")
Done = TypeVar("Done")
# Events that are landed at once: more would keep the first waiting for the last.
MOST_EVENTS = 4_000
# Seconds: a fraction of what a landing takes, as PostgreSQL's commit_delay is of a commit.
LINGER = 0.01
# For so long who was answered is expected again.
LATELY = 0.1
KEPT = 1_000  # lanes of which that is remembered
# Neither is any one request's fault.
AWAY = (OperationalError, InterfaceError)


@dataclass(eq=False)
class _Waiting(Generic[Asked, Done]):
    """One request in the line; its gate opens when it has ended or must lead."""

    told: Asked
    size: int
    gate: Semaphore = field(default_factory=lambda: Semaphore(0))
    outcome: Done | None = None
    error: BaseException | None = None

    def end(self, outcome: Done | None, error: BaseException | None) -> None:
        self.outcome, self.error = outcome, error


@dataclass(eq=False)
class _Line(Generic[Asked, Done]):
    """Who waits in a lane that somebody leads; `complete` when as many as `expected` do."""

    expected: int
    waiting: deque[_Waiting[Asked, Done]] = field(default_factory=deque)
    complete: Event = field(default_factory=Event)

    def join(self, one: _Waiting[Asked, Done]) -> None:
        self.waiting.append(one)
        if len(self.waiting) >= self.expected:
            self.complete.set()

    def expect(self, number: int) -> None:
        self.expected = number
        self.complete.clear()

    def take(self) -> list[_Waiting[Asked, Done]]:
        """Who is landed now."""
        several = [self.waiting.popleft()]
        events = several[0].size
        while self.waiting:
            events += self.waiting[0].size
            if events > MOST_EVENTS:
                break
            several.append(self.waiting.popleft())
        return several


# Whose requests (a tenant's, a key's), and whether they are believed: those two differ in how they
# are landed.
Lane = tuple[Any, bool]


class Gathering(Generic[Asked, Done]):
    """One per process; safe with threads. `land` runs in the tenant's scope; `size` tells how much
    of MOST_EVENTS a request is.
    """

    def __init__(self, land: Callable[..., Sequence[Done]], size: Callable[[Asked], int]) -> None:
        self._land, self._size = land, size
        self._lock = Lock()
        # A lane is here while somebody leads it.
        self._lines: dict[Lane, _Line[Asked, Done]] = {}
        # When requests of a lane were answered, and how many together.
        self._answered: dict[Lane, tuple[float, int]] = {}

    def accept(self, whose: UUID | Token, told: Asked, *, trusted: bool) -> Done:
        """What `land` makes of the request, committed. Outside a scope; raises as that does."""
        lane = whose, trusted
        mine: _Waiting[Asked, Done] = _Waiting(told, self._size(told))
        with self._lock:
            leads = lane not in self._lines
            if leads:
                self._lines[lane] = _Line(self._expected(lane))
            line = self._lines[lane]
            line.join(mine)
        with TURNS.apart():  # others read their requests meanwhile
            if not leads:
                mine.gate.acquire()
            if mine.outcome is None and mine.error is None:
                line.complete.wait(LINGER)
        if mine.outcome is None and mine.error is None:
            self._lead(lane)
        if mine.error is not None:
            raise mine.error
        assert mine.outcome  # nosec B101 # for the type checker
        return mine.outcome

    def landed(self, lane: Lane, told: Sequence[Asked]) -> Sequence[Done]:
        """What becomes of these, committed."""
        tenant_id, trusted = lane
        with tenant_scope(tenant_id):
            return self._land(told, trusted=trusted)

    def _lead(self, lane: Lane) -> None:
        """Land what waits, the caller's own before all; then let the next one lead."""
        with self._lock:
            several = self._lines[lane].take()
        try:
            self._together(lane, several)
        finally:
            for one in several[1:]:
                if one.outcome is None and one.error is None:  # the thread is being stopped
                    one.error = Unavailable()
                one.gate.release()
            self._pass_on(lane, len(several))

    def _pass_on(self, lane: Lane, answered: int) -> None:
        with self._lock:
            if len(self._answered) >= KEPT:
                self._answered.clear()
            self._answered[lane] = time.monotonic(), answered
            line = self._lines[lane]
            if line.waiting:
                line.expect(len(line.waiting) + answered)
                line.waiting[0].gate.release()
            else:
                del self._lines[lane]

    def _expected(self, lane: Lane) -> int:
        at, number = self._answered.get(lane, (0.0, 1))
        return number if time.monotonic() < at + LATELY else 1

    def _together(self, lane: Lane, several: Sequence[_Waiting[Asked, Done]]) -> None:
        try:
            outcomes = self.landed(lane, [one.told for one in several])
        except AWAY as error:
            for one in several:
                one.end(None, error)
        except Exception as error:  # noqa: BLE001 # raised again by whose request it is
            if len(several) == 1:
                several[0].end(None, error)
                return
            for one in several:  # whose fault it is shows when each is landed by itself
                self._together(lane, [one])
        else:
            for one, outcome in zip(several, outcomes, strict=True):
                one.end(outcome, None)


def events_of(told: Told) -> int:
    return len(told.events)


GATHERING: Gathering[Told, AcceptedEvents] = Gathering(accept_together, events_of)
