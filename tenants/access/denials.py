"""Which denials become entries of the log: the first of its kind in a minute, with the number of
those before it.

An entry can never be deleted and is written under the chain's lock: whoever is refused a thousand
times a second must neither fill the log with it nor keep the tenant's own writers waiting.
"""

import time
from collections import OrderedDict
from threading import Lock

from django.http import HttpRequest

APART = 60.0  # seconds
MOST = 10_000


class Denials:
    """What this process has recorded lately. Safe with threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        # Kind of denial -> until when it is only counted, and how many were.
        self._told: OrderedDict[tuple[str, ...], tuple[float, int]] = OrderedDict()

    def times(self, *kind: str) -> int:
        """How many denials of this kind an entry stands for now; 0: it is only counted."""
        moment = time.monotonic()
        with self._lock:
            until, counted = self._told.pop(kind, (0.0, 0))
            silent = until > moment
            self._told[kind] = (until, counted + 1) if silent else (moment + APART, 0)
            while len(self._told) > MOST:
                self._told.popitem(last=False)
        return 0 if silent else counted + 1


DENIALS = Denials()


def denial_details(request: HttpRequest, times: int, **more: str) -> dict[str, object]:
    """The details of the entry; `times` only where it stands for more than one."""
    return {**more, "method": request.method or "", **({"times": times} if times > 1 else {})}
