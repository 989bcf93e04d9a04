"""Whose request computes: one at a time in each process, and first the tenant that computed least.

Python's threads share one interpreter by slices, so each request that computes slows every other.
A turn keeps what a busy tenant asks from being felt by the rest: they wait for the end of a step
of its request (up to its next question to the database), never for its queue.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, local
from typing import Any
from uuid import UUID

from django.db import connection

from tenants.access.right_of_way import GivingWay

# Seconds after which a request computes without a turn: one that is stuck must not stop the rest.
PATIENCE = 0.25
# Seconds in which what a tenant computed comes to count half.
HALF_LIFE = 2.0


@dataclass(eq=False)
class _Place:
    """One request in the line; `gate` opens when the turn is its own."""

    tenant_id: UUID
    way: GivingWay | None
    gate: Lock = field(default_factory=Lock)


class Turns:
    """One per process; safe with threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._line: list[_Place] = []
        self._holder: _Place | None = None
        self._since = 0.0
        # What each tenant computed, in seconds that fade: the amount and when it was noted.
        self._spent: dict[UUID, tuple[float, float]] = {}
        self._mine = local()  # the place of the thread's own request

    @contextmanager
    def turn_of(self, tenant_id: UUID, way: GivingWay | None = None) -> Iterator[None]:
        """Compute when it is this tenant's turn, and let others in between two questions to the
        database. `way`: of a request that gives way to those in other processes too.
        """
        place = _Place(tenant_id, way)
        if way:
            way.wait()
        self._take(place)
        self._mine.place = place
        try:
            with connection.execute_wrapper(_Between(self, place)):
                yield
        finally:
            self._mine.place = None
            self._leave(place)

    def pause(self) -> None:
        """Let others in, in the middle of long computing; nothing for a thread without a turn."""
        place = getattr(self._mine, "place", None)
        if place:
            self.let_others(place)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Without the turn, for what is waited for rather than computed."""
        place = getattr(self._mine, "place", None)
        if place:
            self._leave(place)
        try:
            yield
        finally:
            if place:
                self._take(place)

    def let_others(self, place: _Place) -> None:
        """Hand the turn to a tenant that computed less, if one waits, and wait to have it back."""
        if place.way and place.way.must_wait():
            self._leave(place)
            place.way.wait()
            self._take(place)
        if not self._line or self._holder is not place:
            return
        with self._lock:
            self._settle()
            mine = self._of(place.tenant_id)
            if not any(self._of(other.tenant_id) < mine for other in self._line):
                return
            self._pass_on()
        self._take(place)

    def _take(self, place: _Place) -> None:
        with self._lock:
            if self._holder is None:
                self._give(place)
                return
            place.gate.acquire(blocking=False)
            self._line.append(place)
        if place.gate.acquire(timeout=PATIENCE):
            return
        with self._lock:
            if place in self._line:
                self._line.remove(place)

    def _leave(self, place: _Place) -> None:
        with self._lock:
            if self._holder is place:
                self._settle()
                self._pass_on()

    def _pass_on(self) -> None:
        """To whoever waits and computed least; of one tenant's, to the first that came."""
        self._holder = None
        if self._line:
            following = min(self._line, key=lambda place: self._of(place.tenant_id))
            self._line.remove(following)
            self._give(following)
            following.gate.release()

    def _give(self, place: _Place) -> None:
        self._holder, self._since = place, self._clock()

    def _settle(self) -> None:
        """Note what the holder computed since it has the turn."""
        if self._holder is None:
            return
        now, tenant_id = self._clock(), self._holder.tenant_id
        self._spent[tenant_id] = (self._of(tenant_id) + now - self._since, now)
        self._since = now
        if len(self._spent) > 1000:
            self._spent = {one: kept for one, kept in self._spent.items() if self._of(one) > 1e-3}

    def _of(self, tenant_id: UUID) -> float:
        amount, noted = self._spent.get(tenant_id, (0.0, 0.0))
        return amount * 0.5 ** ((self._clock() - noted) / HALF_LIFE) if amount else 0.0


@dataclass(frozen=True)
class _Between:
    """Django's hook around each statement of a connection."""

    turns: Turns
    place: _Place

    def __call__(self, execute: Callable[..., Any], *words: Any) -> Any:
        self.turns.let_others(self.place)
        return execute(*words)


TURNS = Turns()
