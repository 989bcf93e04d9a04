"""Turns SIGTERM into a question that loops ask at every step, so that a run ends behind a whole
step."""

import signal
from types import FrameType


class Interrupted(Exception):
    """The run was asked to stop; everything needed to go on has been written."""


class Stop:
    """Whether the run was asked to stop. `watch` must be called from the main thread."""

    def __init__(self) -> None:
        self.requested = False

    def watch(self) -> None:
        """Take SIGTERM as the request."""
        signal.signal(signal.SIGTERM, self._request)

    def check(self) -> None:
        """Raise Interrupted if the run was asked to stop."""
        if self.requested:
            raise Interrupted

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
