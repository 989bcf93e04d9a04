"""`make bench-scale`: seconds and memory as catalogues grow from 1,000 to 1,000,000 items and
events from 1e5 to 1e7, each point in a process of its own with one thread: first the sources that
are fitted in seconds, and their answers; then whole runs from snapshot to sealed artifact, two
points at a time. All take about three quarters of an hour, without texts: reading one takes as long
as reading another.

Made-up shops: popularity falls as 1 / rank, people take 20 items on average. QUICK=1: sources
alone, up to 100,000 items and 1e6 events. Ends with one line of JSON: for each kind of work the
exponent with which its seconds grow between the last two points (1 is linear, 2 quadratic). A full
run writes docs/scale.md.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.quality.engine_run import write_job
from training.engine.arrays import DAY
from training.engine.run import prepare_environment
from training.engine.snapshot import Catalogue, Events, Snapshot
from training.engine.sources import neighbours, popularity, repeats
from training.engine.sources.source import Ground

ROOT = Path(__file__).parents[2]
NOW = 1_600_000_000.0
_ACTS = 20  # of a subject, on average
LANES = 2  # points at a time, each with a thread and a core of its own
SHOWN = ("popularity", "neighbours", "repeats", "answer")
RUN_SHOWN = ("tune", "sequence", "fuse", "evaluate", "refit", "whole")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BENCH_THREADS")
_HEAD = """# How seconds and memory grow

Written by `make bench-scale`; nothing here is typed in. Made-up shops of a year, without texts, one
thread, each point in a process of its own, two at a time. Seconds; `peak_mb` is the most memory
that the process has held. Up to 10,000 items neighbours are EASE's, by an inverse over all of them;
above, what was met together counts."""
Point = dict[str, float]
# (items, events)
ITEM_CURVE = ((1_000, 1_000_000), (10_000, 1_000_000), (100_000, 1_000_000), (1_000_000, 1_000_000))
EVENT_CURVE = ((20_000, 100_000), (20_000, 1_000_000), (20_000, 10_000_000))


def main() -> int:
    """The exit code. Prints all curves."""
    quick = bool(os.environ.get("QUICK"))
    told: dict[str, Any] = {}
    curves = {
        ("sources", "items"): ITEM_CURVE[:-1] if quick else ITEM_CURVE,
        ("sources", "events"): EVENT_CURVE[:-1] if quick else EVENT_CURVE,
    }
    if not quick:
        curves |= {("run", "items"): ITEM_CURVE, ("run", "events"): EVENT_CURVE}
    points = {(kind, *sizes) for (kind, _), curve in curves.items() for sizes in curve}
    # The largest whole runs first: they take as long as all others together.
    wanted = sorted(points, key=lambda one: (one[0], -one[1] * one[2], one))
    with ThreadPoolExecutor(LANES) as lanes:
        measured = dict(zip(wanted, lanes.map(lambda one: _measured(*one), wanted), strict=True))
    for (kind, by), curve in curves.items():
        prefix, shown = ("run_", RUN_SHOWN) if kind == "run" else ("", SHOWN)
        told[f"{prefix}{by}_curve"] = [measured[(kind, *sizes)] for sizes in curve]
        told[f"{prefix}growth_with_{by}"] = _growth(told[f"{prefix}{by}_curve"], by, shown)
    if not quick:
        (ROOT / "docs" / "scale.md").write_text(document(told))
    print(json.dumps(told))
    return 0


def _growth(points: list[Point], by: str, shown: tuple[str, ...]) -> dict[str, float]:
    """The exponents between the last two points."""
    early, late = points[-2:]
    grown = np.log(late[by] / early[by])
    return {
        kind: round(float(np.log(max(late[kind], 1e-3) / max(early[kind], 1e-3)) / grown), 2)
        for kind in shown
    }


def _measured(kind: str, items: int, events: int) -> Point:
    order = [sys.executable, "-m", "tests.bench.scale", kind, str(items), str(events)]
    words = {**os.environ, **dict.fromkeys(_THREADS, "1")}
    done = subprocess.run(order, cwd=ROOT, capture_output=True, text=True, env=words)
    if done.returncode:
        raise RuntimeError(f"{items} items and {events} events failed: {done.stderr[-1500:]}")
    point = {"items": items, "events": events, **json.loads(done.stdout.splitlines()[-1])}
    print(f"{kind:>8} {items:>9,} items {events:>11,} events {point}", flush=True)
    return point


def document(told: dict[str, Any]) -> str:
    """docs/scale.md."""
    parts = [_HEAD]
    for title, prefix in (("Sources that are fitted in seconds", ""), ("Whole runs", "run_")):
        parts.append(f"## {title}\n")
        for name in ("items", "events"):
            points = told[f"{prefix}{name}_curve"]
            names = list(points[0])
            rows = [names, ["--:"] * len(names)]
            rows += [[f"{point[key]:,}" for key in names] for point in points]
            grown = told[f"{prefix}growth_with_{name}"]
            lines = ["| " + " | ".join(row) + " |" for row in rows]
            parts.append("\n".join(lines))
            told_grown = ", ".join(f"{kind} {value}" for kind, value in grown.items())
            parts.append(f"Exponents with {name}, last two points: {told_grown}.\n")
    return "\n\n".join(parts)


def whole(items: int, events: int) -> dict[str, float]:
    """Seconds of each stage of a whole run and of all of it, and the most memory, in MB."""
    prepare_environment()
    from tests.bench.quality.engine_bench import run_whole

    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        folder = Path(name)
        write_job(folder, shop(items, events).snapshot, {"seed": 0, "params": {"repeats": True}})
        started = time.perf_counter()
        _, stages = run_whole(folder)
        seconds = {**stages, "whole": time.perf_counter() - started}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return {**{name: round(value, 1) for name, value in seconds.items()}, "peak_mb": round(memory)}


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
    if len(sys.argv) == 4:
        work = {"sources": one, "run": whole}[sys.argv[1]]
        print(json.dumps(work(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        sys.exit(main())
