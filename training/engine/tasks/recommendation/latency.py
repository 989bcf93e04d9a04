"""How long the finished bundle takes to answer for held-out subjects, on the machine of the run.

A figure for the model card: it tells versions apart, and promises nothing about another machine.
"""

import time
from typing import Any

import numpy as np

from training.engine.bundle import Bundle
from training.engine.evaluate import Reader
from training.engine.history import History
from training.engine.snapshot import Snapshot

CASES, LIMIT = 200, 10


def measure_latency(bundle: Bundle, snapshot: Snapshot, reader: Reader) -> dict[str, Any]:
    """Milliseconds of Bundle.recommend with ten items over up to 200 cases: p50_ms, p95_ms."""
    cases = reader.cases
    taken = []
    for index in range(min(CASES, len(cases))):
        history = _history(snapshot, reader, index)
        started = time.perf_counter()
        bundle.recommend(history, now=cases.window.start, limit=LIMIT)
        taken.append((time.perf_counter() - started) * 1000.0)
    low, high = np.quantile(taken, [0.5, 0.95])
    return {
        "p50_ms": round(float(low), 2),
        "p95_ms": round(float(high), 2),
        "cases": len(taken),
        "limit": LIMIT,
    }


def _history(snapshot: Snapshot, reader: Reader, index: int) -> History:
    past = reader.past(index)
    types = snapshot.events.types
    return History(
        items=snapshot.catalogue.items[past.item],
        times=past.time,
        weights=past.weight,
        types=[types[code - 1] for code in past.type],
        values=past.value,
    )
