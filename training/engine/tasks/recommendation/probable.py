"""How probable it is that somebody takes up an item that is recommended to them: fitted on the
validation window, on which what serves was chosen, and told of the test window."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.engine.arrays import F64, Mask
from training.engine.evaluate import Judged
from training.engine.probability import Calibration, Verdict, best_threshold, calibrated, judged
from training.engine.split import Cases

_PLACES = 6  # decimals of what the manifest tells


@dataclass(frozen=True)
class Probable:
    """days: how long after it was shown an act counts."""

    calibration: Calibration
    verdict: Verdict
    days: float

    def record(self) -> dict[str, Any]:
        """What the manifest tells."""
        told = {name: _rounded(value) for name, value in asdict(self.verdict).items()}
        return {
            "window": "test",
            "days": self.days,
            "slope": self.calibration.slope,
            "offset": self.calibration.offset,
            **told,
        }


def probable(
    serves: str, windows: dict[str, Judged], cases: dict[str, Cases], days: float
) -> Probable | None:
    """Of the first ten places of what serves; None where too few items were taken up to tell.
    cases: those that each window was judged by."""
    levels, hits = _pairs(windows["validation"], serves, cases["validation"])
    calibration = calibrated(levels, hits)
    if calibration is None:
        return None
    threshold = best_threshold(calibration.of(levels), hits)
    levels, hits = _pairs(windows["test"], serves, cases["test"])
    verdict = judged(calibration.of(levels), hits, threshold)
    return None if verdict is None else Probable(calibration, verdict, days)


def _pairs(window: Judged, serves: str, cases: Cases) -> tuple[F64, Mask]:
    """Levels and hits of every filled place, float64 and bool [pairs]."""
    tops = window.tops[serves]
    hits = [np.isin(top, taken) for top, taken in zip(tops, cases.targets, strict=True)]
    filled = tops >= 0
    return window.levels[serves][filled].astype(np.float64), np.stack(hits)[filled]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _PLACES)
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
