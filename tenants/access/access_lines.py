"""One line in the log for each request: what was asked, what was answered, how long it took.

The path is written, its query and its sender are not. Refusals above a key's limit come in floods,
so of each key at most one line a second is written of them, which tells how many there were.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

from tenants.access.door import KEY, Application, Environ
from tenants.access.middleware import REQUEST_ID
from tenants.ids import public_id

logger = logging.getLogger(__name__)
FOLDED = 429
SPAN = 1.0  # seconds of a key's refusals that become one line
LINE = "%s %s %s %s bytes %.1f ms"


class AccessLines:
    """Wraps the door. One per process; safe with threads."""

    def __init__(
        self, application: Application, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._application = application
        self._clock = clock
        self._floods = Floods()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        begun = self._clock()
        status, length = "500", "-"  # what the server answers when the application raises

        def start(line: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            nonlocal status, length
            status = line[:3]
            length = dict(headers).get("Content-Length", "-")
            return start_response(line, headers, *more)

        try:
            return self._application(environ, start)
        finally:
            self._tell(environ, status, length, begun)

    def _tell(self, environ: Environ, status: str, length: str, begun: float) -> None:
        now = self._clock()
        for refused_id, count in self._floods.over(now):
            logger.info("%d more refused with 429 of %s", count, public_id("key", refused_id))
        key_id = environ.get(KEY)
        if status == str(FOLDED) and key_id and self._floods.counted(key_id, now):
            return
        words = (environ["REQUEST_METHOD"], path_of(environ), status, length, (now - begun) * 1000)
        logger.info(LINE, *words, extra={"request_id": environ.get(REQUEST_ID)})


def path_of(environ: Environ) -> str:
    """The path as text: a WSGI server hands its bytes over as Latin-1 (PEP 3333)."""
    path: str = environ["PATH_INFO"]
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


@dataclass
class _Flood:
    """When the last line about a key was written, and what was refused since."""

    told: float
    refused: int = 0


class Floods:
    """Counts the refusals that get no line of their own. Safe with threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._floods: dict[UUID, _Flood] = {}
        self._next = float("inf")  # when the first of them is to be told

    def counted(self, key_id: UUID, now: float) -> bool:
        """Whether it is counted here; the first in a span is not, and gets its own line."""
        with self._lock:
            flood = self._floods.get(key_id)
            if flood:
                flood.refused += 1
                return True
            self._floods[key_id] = _Flood(now)
            self._next = min(self._next, now + SPAN)
            return False

    def over(self, now: float) -> list[tuple[UUID, int]]:
        """The keys whose span is over, with what was refused in it; each is told once.

        Asked at every request: what a flood ends with is told when anybody asks next.
        """
        if now < self._next:
            return []
        with self._lock:
            ended = [each for each, flood in self._floods.items() if now - flood.told >= SPAN]
            told = [(each, refused) for each in ended if (refused := self._floods[each].refused)]
            for each in ended:
                del self._floods[each]
            for each, _ in told:  # what was just told counts as the line of the next span
                self._floods[each] = _Flood(now)
            spans = (flood.told + SPAN for flood in self._floods.values())
            self._next = min(spans, default=float("inf"))
            return told
