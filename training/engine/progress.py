"""The one place that tells how a run is going: JSON lines to progress.jsonl and to standard output,
curves to the board.

At most about one line a second, plus every change of stage and every metric.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TextIO

PROGRESS_FILE = "progress.jsonl"
_PAUSE = 1.0  # seconds between two lines of the same stage


class Curves(Protocol):
    """Where curves are drawn."""

    def point(self, tag: str, step: int, value: float) -> None:
        """One point of the curve `tag`."""
        ...

    def close(self) -> None:
        """No more points will come."""
        ...


class Progress:
    """Writes progress of stages with known shares of the whole. `shares`: stage name -> relative
    time."""

    def __init__(
        self,
        folder: Path,
        shares: Mapping[str, float],
        stream: TextIO,
        curves: Curves | None = None,
    ) -> None:
        self._curves = curves
        self._file = (folder / PROGRESS_FILE).open("a", encoding="utf-8")
        self._stream = stream
        self._shares = dict(shares)
        self._names = list(shares)
        self._stage = self._names[0]
        self._started = time.monotonic()
        self._stage_started = self._started
        self._start_fraction: float | None = None
        self._last_line = 0.0
        self.timings: dict[str, float] = {}

    def stage(self, name: str) -> None:
        """Enter a stage; the one before is finished."""
        self._close_stage()
        self._stage = name
        self._last_line = 0.0
        self.step(0, 0)

    def step(self, done: int, total: int, **measures: float | None) -> None:
        """`done` of `total` steps of this stage are behind us. Measures (loss, lr, …) are
        optional."""
        now = time.monotonic()
        if done != total and now - self._last_line < _PAUSE:
            return
        self._last_line = now
        fraction = self._fraction(done / total if total else 0.0)
        self._write(
            {
                "at": _now(),
                "stage": self._stage,
                "stage_index": self._names.index(self._stage) + 1,
                "stages": len(self._names),
                "fraction": round(fraction, 4),
                "step": done if total else None,
                "steps": total or None,
                **measures,
                "eta_seconds": self._eta(fraction, now),
                "rss_mb": round(_resident_mb(), 1),
            }
        )

    def metric(self, name: str, series: str, step: int, value: float) -> None:
        """One point of a curve."""
        self._write(
            {"at": _now(), "metric": name, "series": series, "step": step, "value": round(value, 6)}
        )
        self.draw(name, series, step, value)

    def draw(self, name: str, series: str, step: int, value: float) -> None:
        """One point of a curve that the board alone shows."""
        if self._curves:
            self._curves.point(f"{series}/{name}", step, value)

    def event(self, code: str, **params: str | int | float) -> None:
        """Something that belongs into the job's record."""
        self._write({"at": _now(), "event": code, "params": params})

    def finish(self) -> None:
        """Close the last stage: the whole is done."""
        self._close_stage()
        self._write({"at": _now(), "stage": "done", "fraction": 1.0, "rss_mb": _resident_mb()})

    def close(self) -> None:
        """Give the files back."""
        self._file.close()
        if self._curves:
            self._curves.close()

    def _close_stage(self) -> None:
        now = time.monotonic()
        spent = now - self._stage_started
        self.timings[self._stage] = round(self.timings.get(self._stage, 0.0) + spent, 3)
        self._stage_started = now

    def _fraction(self, of_stage: float) -> float:
        total = sum(self._shares.values())
        index = self._names.index(self._stage)
        behind = sum(self._shares[name] for name in self._names[:index])
        return min(1.0, (behind + self._shares[self._stage] * min(1.0, of_stage)) / total)

    def _eta(self, fraction: float, now: float) -> float | None:
        if self._start_fraction is None:
            self._start_fraction = fraction
        gained = fraction - self._start_fraction
        if gained < 0.02:
            return None
        return round((now - self._started) / gained * (1.0 - fraction), 1)

    def _write(self, record: Mapping[str, Any]) -> None:
        kept = {name: value for name, value in record.items() if value is not None}
        line = json.dumps(kept, allow_nan=False)
        self._file.write(line + "\n")
        self._file.flush()
        print(line, file=self._stream, flush=True)


class Unheard(Progress):
    """Takes the same words and tells nobody: for a rank that does not lead."""

    def __init__(self) -> None:
        self.timings = {}

    def stage(self, name: str) -> None:
        """Nothing."""

    def step(self, done: int, total: int, **measures: float | None) -> None:
        """Nothing."""

    def metric(self, name: str, series: str, step: int, value: float) -> None:
        """Nothing."""

    def draw(self, name: str, series: str, step: int, value: float) -> None:
        """Nothing."""

    def event(self, code: str, **params: str | int | float) -> None:
        """Nothing."""


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, in MB."""
    scale = 1.0 if sys.platform == "darwin" else 1024.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6


def _resident_mb() -> float:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return peak_rss_mb()
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
