"""`make bench-robustness`: what noise, typos, missing texts, bots and stale data do to the answers
of the engine on Amazon Scientific. Each harm is done to what is learnt from; the questions and
their pasts stay as they are. Each run is a whole one, fine-tuning left out, in a process of its
own.

QUICK=1: one in 24 of the people and one of the harms. A full run writes docs/robustness.md. Ends
with one line of JSON: NDCG@10 under each harm, and its ratio to the run without any, with the 95 %
interval.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("BENCH_THREADS", "1")

import numpy as np

from tests.bench.quality.bootstrap import paired_ratio
from tests.bench.quality.contender import Study
from tests.bench.quality.datasets import DATASETS
from tests.bench.quality.datasets.places import ROOT
from tests.bench.quality.engine_parts import PARTS, SERVED
from tests.bench.quality.judging import ground_of, judge_all
from tests.bench.quality.protocol import ask
from tests.bench.quality.tasks import TASKS
from tests.bench.quality.world import DataMissing, World, before, events_of, only, part_of
from training.engine.arrays import DAY
from training.engine.snapshot import Snapshot

Harm = Callable[[Snapshot, np.random.Generator], Snapshot]
_ASKED, _SEED, _LANES = 4_000, 5, 2
_QUICK_PART = 24  # one in so many people
_BOT_ACTS = 300


def _untouched(snapshot: Snapshot, draws: np.random.Generator) -> Snapshot:
    return snapshot


def _typos(snapshot: Snapshot, draws: np.random.Generator) -> Snapshot:
    def mistyped(title: str) -> str:
        letters = list(title)
        for at in np.flatnonzero(draws.random(len(letters) - 1) < 0.1) if len(letters) > 1 else ():
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        return "".join(letters)

    titles = tuple(mistyped(title) for title in snapshot.catalogue.title)
    return replace(snapshot, catalogue=replace(snapshot.catalogue, title=titles))


def _without_texts(snapshot: Snapshot, draws: np.random.Generator) -> Snapshot:
    silent = draws.random(len(snapshot.catalogue)) < 1 / 3
    titles = zip(snapshot.catalogue.title, silent, strict=True)
    told = tuple("" if gone else title for title, gone in titles)
    return replace(snapshot, catalogue=replace(snapshot.catalogue, title=told))


def _noise(snapshot: Snapshot, draws: np.random.Generator) -> Snapshot:
    events = snapshot.events
    count = len(events) // 10
    return _with_acts(
        snapshot,
        draws.choice(events.subject, count),
        draws.integers(0, len(snapshot.catalogue), count),
        draws.choice(events.time, count),
    )


def _bots(snapshot: Snapshot, draws: np.random.Generator) -> Snapshot:
    events = snapshot.events
    bots = max(1, events.subjects // 100)
    subject = events.subjects + np.repeat(np.arange(bots), _BOT_ACTS)
    start = np.repeat(draws.choice(events.time, bots), _BOT_ACTS)
    # All of them like the same fiftieth of the catalogue.
    liked = draws.choice(len(snapshot.catalogue), max(10, len(snapshot.catalogue) // 50), False)
    return _with_acts(
        snapshot, subject, draws.choice(liked, len(subject)), start + draws.random(len(subject))
    )


def _stale(snapshot: Snapshot, draws: np.random.Generator) -> Snapshot:
    events = snapshot.events
    return replace(snapshot, events=only(events, events.time < events.time.max() - 1.5 * DAY))


def _with_acts(
    snapshot: Snapshot, subject: np.ndarray, item: np.ndarray, moment: np.ndarray
) -> Snapshot:
    events = snapshot.events
    joined = [
        np.concatenate(pair)
        for pair in ((events.subject, subject), (events.item, item), (events.time, moment))
    ]
    return replace(snapshot, events=events_of(*joined))


# name -> (what is done, in words; how; whether a short run does it)
HARMS: dict[str, tuple[str, Harm, bool]] = {
    "none": ("nothing", _untouched, True),
    "typos": ("one letter in ten of every title changed places with the next", _typos, False),
    "texts_missing": ("a third of the items without a word", _without_texts, True),
    "noise": ("one act in ten more, by anybody, on any item", _noise, False),
    "bots": (
        f"one person in a hundred more that is none: {_BOT_ACTS} acts in a second on a fiftieth "
        "of the catalogue, past the cleaning",
        _bots,
        False,
    ),
    "stale": ("the last two acts of everybody not learnt from", _stale, False),
}


def main(arguments: list[str]) -> int:
    """The exit code."""
    quick = bool(os.environ.get("QUICK"))
    if arguments:
        _answer(arguments[0], Path(arguments[1]), quick)
        return 0
    try:
        _world(quick)
    except DataMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    started = time.monotonic()
    names = [name for name, (_, _, short) in HARMS.items() if short or not quick]
    with tempfile.TemporaryDirectory(prefix="robustness-") as folder:
        with ThreadPoolExecutor(_LANES) as lanes:
            list(lanes.map(lambda name: _run(name, folder), names))
        found = {name: np.load(Path(folder) / f"{name}.npz") for name in names}
        figures = {name: (held["ndcg"], held["subjects"]) for name, held in found.items()}
    whole, subjects = figures["none"]
    told: dict[str, object] = {"questions": len(whole)}
    lines = ["| harm | NDCG@10 | ratio | 95 % interval |", "|---|---|---|---|"]
    for name, (values, _) in figures.items():
        told[name] = round(float(values.mean()), 4)
        ratio = paired_ratio(values, whole, subjects, seed=_SEED)
        told[f"{name}_ratio"] = ratio.as_list()
        interval = f"{ratio.low:.3f} to {ratio.high:.3f}" if name != "none" else "–"
        lines.append(f"| {HARMS[name][0]} | {told[name]:.4f} | {ratio.centre:.3f} | {interval} |")
    print("\n".join(lines))
    if not quick:
        (ROOT / "docs" / "robustness.md").write_text(_document(lines, len(whole)))
    told["seconds"] = round(time.monotonic() - started, 1)
    print(json.dumps(told))
    return 0


def _document(lines: list[str], questions: int) -> str:
    return (
        "# What harms the recommendations, and how much\n\n"
        "Written by `make bench-robustness`; nothing here is typed in. Amazon Scientific, one "
        f"seed, {questions:,} questions of its test.\n"
        "The harm is done to what the engine learns from; the questions and the pasts they are "
        "asked about stay\nas they are. Intervals: paired bootstrap over people.\n\n"
        + "\n".join(lines)
        + "\n"
    )


def _run(name: str, folder: str) -> None:
    order = [sys.executable, "-m", "tests.bench.robustness", name, folder]
    done = subprocess.run(order, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr[-1500:]}")


def _answer(name: str, folder: Path, quick: bool) -> None:
    world = _world(quick)
    task = next(task for task in TASKS if task.name == "scientific")
    moment = task.test[0]
    known = before(world, moment)
    harmed = HARMS[name][1](known, np.random.default_rng(_SEED))
    study = Study(harmed, moment, task.repeats, task.days, 0, world.name, quick=True)
    contender = PARTS[SERVED]
    ranker = contender.answer(contender.learn(study, {}), {})[SERVED]
    asked = ask(world, task, moment, final=True).sample(_ASKED, _SEED)
    nothing = np.zeros((len(world.snapshot.catalogue), 1), np.float32)
    verdict = judge_all(ranker, [asked], ground_of(world, moment, nothing))
    np.savez(folder / f"{name}.npz", ndcg=verdict.ndcg, subjects=verdict.subjects)


def _world(quick: bool) -> World:
    world = DATASETS["scientific"]()
    return part_of(world, "scientific", 1, _QUICK_PART) if quick else world


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
