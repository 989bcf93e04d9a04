"""How probable it is that somebody takes up an item that is recommended to them: fitted on the
validation window, on which what serves was chosen, and told of the test window. People who took
nothing up count as well, as many as there were of them: whoever is asked about may not come."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.engine.arrays import F32
from training.engine.evaluate import Judged, Reader
from training.engine.probability import (
    Calibration,
    Pairs,
    Verdict,
    activity,
    best_threshold,
    calibrated,
    judged,
)

_PLACES = 6  # decimals of what the manifest tells


@dataclass(frozen=True)
class Absent:
    """Some of those who took nothing up. levels: of what they would have been shown, float32
    [cases, TOP], NaN where a list is shorter; each: how many each of them stands for."""

    reader: Reader
    levels: F32
    each: float


@dataclass(frozen=True)
class Seen:
    """What one window tells. each: how many each of those who took something up stands for."""

    reader: Reader
    judged: Judged
    each: float
    absent: Absent


@dataclass(frozen=True)
class Probable:
    """What is told, and what it was worth on the test window."""

    calibration: Calibration
    verdict: Verdict

    def record(self) -> dict[str, Any]:
        """What the manifest tells."""
        told = {name: _rounded(value) for name, value in asdict(self.verdict).items()}
        return {"window": "test", **asdict(self.calibration), **told}


def probable(serves: str, windows: dict[str, Seen], days: float) -> Probable | None:
    """Of the first ten places of what serves; None where too few items were taken up to tell, or
    where the average tells as much. days: how long after it was shown an act counts."""
    pairs = _pairs(windows["validation"], serves, days)
    calibration = calibrated(pairs, days)
    if calibration is None:
        return None
    told = calibration.of(pairs.levels, pairs.quiet, pairs.busy)
    threshold = best_threshold(told, pairs.hits, pairs.weight)
    pairs = _pairs(windows["test"], serves, days)
    told = calibration.of(pairs.levels, pairs.quiet, pairs.busy)
    verdict = judged(told, pairs.hits, pairs.weight, threshold)
    if verdict is None or verdict.log_loss >= verdict.log_loss_of_base:
        return None  # it would know no more than the average
    return Probable(calibration, verdict)


def _pairs(window: Seen, serves: str, days: float) -> Pairs:
    """Every filled place of everybody's list."""
    tops, absent = window.judged.tops[serves], window.absent
    targets = window.reader.cases.targets
    hits = [np.isin(top, taken) for top, taken in zip(tops, targets, strict=True)]
    came = np.where(tops >= 0, window.judged.levels[serves], np.nan)
    levels = np.concatenate([came, absent.levels]).astype(np.float64)
    acts = np.array([*_acts(window.reader, days), *_acts(absent.reader, days)]).reshape(-1, 2)
    each = np.repeat([window.each, absent.each], [len(came), len(absent.levels)])
    hit = np.zeros(levels.shape, dtype=np.bool_)
    hit[: len(came)] = np.stack(hits)
    quiet, busy, weight = (
        np.broadcast_to(column[:, None], levels.shape) for column in (*acts.T, each)
    )
    filled = ~np.isnan(levels)
    return Pairs(levels[filled], quiet[filled], busy[filled], hit[filled], weight[filled])


def _acts(reader: Reader, days: float) -> list[tuple[float, float]]:
    now = reader.cases.window.start
    return [activity(reader.past(index), now, days) for index in range(len(reader.cases))]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _PLACES)
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
