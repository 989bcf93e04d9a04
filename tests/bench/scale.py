"""`make bench-scale`: seconds and memory of what the engine fits in seconds, and of its answers, as
catalogues grow from 1,000 to 1,000,000 items and events from 1e5 to 1e7, each point in a process of
its own. The sequence model and texts are no part of it.

Made-up shops: popularity falls as 1 / rank, people take 20 items on average. QUICK=1: up to 100,000
items and 1e6 events. Ends with one line of JSON: for each kind of work the exponent with which its
seconds grow between the last two points (1 is linear, 2 quadratic).
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from training.engine.arrays import DAY
from training.engine.snapshot import Catalogue, Events, Snapshot
from training.engine.sources import neighbours, popularity, repeats
from training.engine.sources.source import Ground

ROOT = Path(__file__).parents[2]
NOW = 1_600_000_000.0
_ACTS = 20  # of a subject, on average
_SHOWN = ("popularity", "neighbours", "repeats", "answer")
# (items, events)
ITEM_CURVE = ((1_000, 1_000_000), (10_000, 1_000_000), (100_000, 1_000_000), (1_000_000, 1_000_000))
EVENT_CURVE = ((20_000, 100_000), (20_000, 1_000_000), (20_000, 10_000_000))


def main() -> int:
    """The exit code. Prints both curves."""
    quick = bool(os.environ.get("QUICK"))
    told: dict[str, object] = {}
    for name, curve in (("items", ITEM_CURVE), ("events", EVENT_CURVE)):
        points = []
        for items, events in curve[:-1] if quick else curve:
            point = _measured(items, events)
            print(f"{items:>9,} items {events:>11,} events {point}", flush=True)
            points.append((dict(zip(("items", "events"), (items, events), strict=True)), point))
        (before, early), (after, late) = points[-2:]
        grown = np.log(after[name] / before[name])
        told[f"growth_with_{name}"] = {
            kind: round(float(np.log(late[kind] / max(early[kind], 1e-3)) / grown), 2)
            for kind in _SHOWN
        }
        told[f"{name}_curve"] = [{**size, **point} for size, point in points]
    print(json.dumps(told))
    return 0


def _measured(items: int, events: int) -> dict[str, float]:
    order = [sys.executable, "-m", "tests.bench.scale", str(items), str(events)]
    done = subprocess.run(order, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def one(items: int, events: int) -> dict[str, float]:
    """Seconds of each kind of work, and the most memory, in MB, that this process has held."""
    ground = shop(items, events)
    settings = {"ridge": 1.0, "half_life_days": 30.0}
    seconds: dict[str, float] = {}
    _clocked(seconds, "popularity", lambda: popularity.fit(ground, {"window_days": 30}))
    _clocked(seconds, "repeats", lambda: repeats.fit(ground, {}))
    source = _clocked(seconds, "neighbours", lambda: neighbours.fit(ground, settings))
    told = ground.snapshot.events
    pasts = [told.past(subject, int(told.offsets[subject + 1]), 500) for subject in range(50)]
    _clocked(seconds, "answer", lambda: [source.score(past, NOW) for past in pasts])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return {**{name: round(value, 3) for name, value in seconds.items()}, "peak_mb": round(memory)}


def _clocked(seconds: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    done = work()
    seconds[name] = time.perf_counter() - started
    return done


def shop(items: int, events: int) -> Ground:
    """A made-up shop of a year."""
    draws = np.random.default_rng(items + events)
    subjects = max(50, events // _ACTS)
    subject = np.sort(draws.integers(0, subjects, events))
    subject[:50] = np.arange(50)  # the first fifty have a past
    subject = np.sort(subject)
    item = np.minimum(np.exp(draws.random(events) * np.log(items)).astype(np.int64), items) - 1
    counts = np.bincount(subject, minlength=subjects)
    time_ = NOW - DAY * 365.0 * draws.random(events)
    order = np.lexsort((time_, subject))
    table = Events(
        subject=subject[order],
        item=item[order],
        time=time_[order],
        weight=np.ones(events, np.float32),
        type=np.ones(events, np.int64),
        value=np.zeros(events, np.float32),
        offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        types=("purchase",),
    )
    blank = ("",) * items
    catalogue = Catalogue(
        items=np.arange(items, dtype=np.int64),
        title=blank,
        text=blank,
        category=blank,
        price=np.full(items, np.nan, np.float32),
        known_from=np.zeros(items),
    )
    return Ground(Snapshot(catalogue, table), NOW, None)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(one(int(sys.argv[1]), int(sys.argv[2]))))
    else:
        sys.exit(main())
