"""Requests of one tenant that come at the same moment are landed together: what one of them costs
beside its events (questions, a commit) is paid once for all.

Whoever comes first lands what waits, in its own thread and one transaction; the others wait, and
each is told its own outcome once that is committed. While that goes on, who comes gathers anew.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock, Semaphore
from uuid import UUID

from django.db import InterfaceError, OperationalError

from tenants.access.turns import TURNS
from tenants.behaviour.streaming import AcceptedEvents, Told, accept_together
from tenants.errors import Unavailable
from tenants.isolation.scope import tenant_scope

# Events that are landed at once: more would keep the first waiting for the last.
MOST_EVENTS = 4_000
# Neither is any one request's fault.
AWAY = (OperationalError, InterfaceError)


@dataclass(eq=False)
class _Waiting:
    """One request in the line; its gate opens when it has ended or must lead."""

    told: Told
    gate: Semaphore = field(default_factory=lambda: Semaphore(0))
    outcome: AcceptedEvents | None = None
    error: BaseException | None = None

    def end(self, outcome: AcceptedEvents | None, error: BaseException | None) -> None:
        self.outcome, self.error = outcome, error


# Whose requests, and whether they are believed: those two differ in how they are landed.
Lane = tuple[UUID, bool]


class Gathering:
    """One per process; safe with threads. `land` runs in the tenant's scope."""

    def __init__(self, land: Callable[..., Sequence[AcceptedEvents]] = accept_together) -> None:
        self._land = land
        self._lock = Lock()
        # A lane is here while somebody leads it.
        self._lines: dict[Lane, deque[_Waiting]] = {}

    def accept(self, tenant_id: UUID, told: Told, *, trusted: bool) -> AcceptedEvents:
        """`accept_events` of the request, committed. Outside a scope; raises as that does."""
        lane, mine = (tenant_id, trusted), _Waiting(told)
        with self._lock:
            leads = lane not in self._lines
            self._lines.setdefault(lane, deque()).append(mine)
        if not leads:
            with TURNS.apart():
                mine.gate.acquire()
        if mine.outcome is None and mine.error is None:
            self._lead(lane)
        if mine.error is not None:
            raise mine.error
        assert mine.outcome  # nosec B101 # for the type checker
        return mine.outcome

    def _lead(self, lane: Lane) -> None:
        """Land what waits, the caller's own before all; then let the next one lead."""
        with self._lock:
            several = self._take(self._lines[lane])
        try:
            self._together(lane, several)
        finally:
            for one in several[1:]:
                if one.outcome is None and one.error is None:  # the thread is being stopped
                    one.error = Unavailable()
                one.gate.release()
            self._pass_on(lane)

    def _take(self, line: deque[_Waiting]) -> list[_Waiting]:
        several = [line.popleft()]
        events = len(several[0].told.events)
        while line and (events := events + len(line[0].told.events)) <= MOST_EVENTS:
            several.append(line.popleft())
        return several

    def _pass_on(self, lane: Lane) -> None:
        with self._lock:
            line = self._lines[lane]
            if line:
                line[0].gate.release()
            else:
                del self._lines[lane]

    def _together(self, lane: Lane, several: Sequence[_Waiting]) -> None:
        tenant_id, trusted = lane
        try:
            with tenant_scope(tenant_id):
                outcomes = self._land([one.told for one in several], trusted=trusted)
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


GATHERING = Gathering()
