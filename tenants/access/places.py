"""How many requests of a tenant a process answers at once, and who waits for a place.

A tenant's line is its own: what waits in it holds up nobody else. A place that is given back is
handed to whoever waits longest, so that nobody else is woken.
"""

from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID

from tenants.access.rates import Caller

# Requests that may wait for each of a tenant's places in a process, and how many seconds.
LINE, PATIENCE = 4, 1.0


@dataclass
class _Lane:
    """`line`: a closed gate for each request that waits, the longest first."""

    under_way: int = 0
    line: deque[Lock] = field(default_factory=deque)


class Places:
    """One per process; safe with threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lanes: dict[tuple[UUID, str], _Lane] = {}

    def begin(self, caller: Caller, *, patiently: bool = True) -> bool:
        """Take a place, waiting for one when all are taken. False when the line is full or did not
        move for PATIENCE, and at once for who is not to wait.
        """
        with self._lock:
            lane = self._lanes.setdefault((caller.tenant_id, caller.lane), _Lane())
            if lane.under_way < caller.at_once:
                lane.under_way += 1
                return True
            if not patiently or len(lane.line) >= LINE * caller.at_once:
                return False
            gate = Lock()
            gate.acquire()
            lane.line.append(gate)
        if gate.acquire(timeout=PATIENCE):
            return True
        with self._lock:
            if gate not in lane.line:  # it was opened just now
                return True
            lane.line.remove(gate)
            return False

    def end(self, caller: Caller) -> None:
        """Give the place back, or hand it on."""
        with self._lock:
            lane = self._lanes[caller.tenant_id, caller.lane]
            if lane.line:
                lane.line.popleft().release()
                return
            lane.under_way -= 1
            if not lane.under_way:
                del self._lanes[caller.tenant_id, caller.lane]

    def waiting(self, caller: Caller) -> int:
        """Requests in the caller's line."""
        with self._lock:
            lane = self._lanes.get((caller.tenant_id, caller.lane))
            return len(lane.line) if lane else 0


PLACES = Places()
