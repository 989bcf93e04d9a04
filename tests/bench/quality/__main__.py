"""`make bench-quality`: every contender on every data set, each in a process of its own, then the
tables, docs/benchmarks.md, and one line of JSON with what was measured.

QUICK=1: one seed, two data sets, a sample of their questions, within ten minutes on two quiet
cores. ARGS="NAME …": these data sets alone, in full, with a document of their own, since all of
them take hours. A data set that is missing fails the run. A figure that could not be measured is
null, and `missing` says why. No figure comes out of a stored file: results lie in a folder that is
new for each run.
"""

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.quality.chinese import neighbours_factor
from tests.bench.quality.contender import Contender
from tests.bench.quality.contenders import contenders
from tests.bench.quality.datasets import DATASETS
from tests.bench.quality.datasets.places import ROOT
from tests.bench.quality.plan import LANES, QUICK, planned
from tests.bench.quality.processes import Part, processor_seconds, run_part
from tests.bench.quality.repeating import repeat_equal
from tests.bench.quality.report import document, shown, verdicts
from tests.bench.quality.results import read
from tests.bench.quality.tasks import TASKS
from tests.bench.quality.world import DataMissing

SEEDS = (0, 1, 2)


def main(named: list[str]) -> int:
    """The exit code: 0 where everything that takes part was measured."""
    quick = bool(os.environ.get("QUICK"))
    sets = tuple(QUICK if quick else named or DATASETS)
    if quick and named:
        print("a short run takes its own data sets: leave QUICK or the names out", file=sys.stderr)
        return 2
    if unknown := set(named) - set(DATASETS):
        print(f"no data set {min(unknown)!r}; there are {', '.join(DATASETS)}", file=sys.stderr)
        return 2
    try:
        for name in sets:
            DATASETS[name]()
    except DataMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    if quick:
        print(f"planned: {planned():.0f} s, {LANES} processes at a time on a core each", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-quality-") as folder:
        failed = _run_all(sets, quick, Path(folder))
        table = read(Path(folder))
    print(shown(table))
    figures = verdicts(table)
    figures["repeat_equal"] = repeat_equal(DATASETS["scientific"]())
    figures["chinese_factor"] = round(neighbours_factor(), 2)
    figures |= {
        "seconds": round(time.monotonic() - started, 1),
        "processor_seconds": round(processor_seconds(), 1),
        "failed": failed,
    }
    name = "-".join(["benchmarks", *(() if quick else named)])
    (ROOT / "docs" / f"{name}.md").write_text(document(table, figures, quick=quick))
    print(json.dumps(figures))
    return 1 if failed else 0


def _run_all(sets: tuple[str, ...], quick: bool, folder: Path) -> list[str]:
    """What failed. Two processes take part at a time, in a short run the longest first."""
    parts = [
        Part(dataset, name, seed, contender.libraries)
        for dataset in sets
        for name, contender in contenders().items()
        if _takes_part(name, contender, dataset, quick)
        for seed in (SEEDS if contender.seeded and not contender.costly and not quick else (0,))
    ]
    if quick:
        parts.sort(key=lambda part: -QUICK[part.dataset][part.contender])
    with ThreadPoolExecutor(LANES) as lanes:
        failed = list(lanes.map(lambda part: run_part(part, folder, quick=quick), parts))
    return [message for message in failed if message]


def _takes_part(name: str, contender: Contender, dataset: str, quick: bool) -> bool:
    if contender.worlds and dataset not in contender.worlds:
        return False
    if quick and name not in QUICK[dataset]:
        return False
    return not contender.needs_repeats or any(
        task.repeats for task in TASKS if task.world == dataset
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
