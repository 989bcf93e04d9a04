"""Curves of a run as event files that TensorBoard reads, one for each attempt.

Written line by line and without a thread: a disk that fills up is met where the curve is drawn.
"""

import time
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import RecordWriter

BOARD_FOLDER = "tensorboard"
_FORMAT = "brain.Event:2"


class Board:
    """The event file of one attempt in `folder`. TensorBoard joins the files by their names."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        number = len(list(folder.iterdir())) + 1
        self._writer = RecordWriter(str(folder / f"events.out.tfevents.{number:06d}"))
        self._write(Event(wall_time=time.time(), file_version=_FORMAT))

    def point(self, tag: str, step: int, value: float) -> None:
        """One point of the curve `tag`, a name with slashes between groups."""
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        self._write(Event(wall_time=time.time(), step=step, summary=summary))

    def close(self) -> None:
        """Give the file back."""
        self._writer.close()

    def _write(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())
        self._writer.flush()
