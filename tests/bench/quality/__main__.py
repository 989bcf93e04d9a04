"""`make bench-quality`: every contender on every data set, each in a process of its own, then the
tables, docs/benchmarks.md, and one line of JSON with what was measured.

QUICK=1: one seed, two data sets, a sample of their questions, SASRec on a sixth of the people
beside the engine on the same, aimed at ten minutes. A data set that is missing fails the run. A
figure that could not be measured is null, and `missing` says why. No figure comes out of a stored
file: results lie in a folder that is new for each run.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.quality.chinese import neighbours_factor
from tests.bench.quality.contender import Contender
from tests.bench.quality.contenders import contenders
from tests.bench.quality.datasets import DATASETS, WORLDS
from tests.bench.quality.datasets.places import ROOT
from tests.bench.quality.engine_parts import SERVED, WITHOUT_TEXT
from tests.bench.quality.repeating import repeat_equal
from tests.bench.quality.report import document, shown, verdicts
from tests.bench.quality.results import read
from tests.bench.quality.tasks import TASKS
from tests.bench.quality.world import DataMissing

# What a short run measures, and who takes part there.
_QUICKLY = ("popular", "recent", "own_counts", "item_knn", "ease", "als")
QUICK_SETS = {
    "scientific": (*_QUICKLY, SERVED, WITHOUT_TEXT),
    "scientific_cold": (SERVED,),
    "retail": (*_QUICKLY, SERVED),
    "scientific_part": ("sasrec", SERVED),
    "retail_part": ("sasrec", SERVED),
}
SEEDS = (0, 1, 2)
_RIVALS_PYTHON = ROOT / ".venv-rivals" / "bin" / "python"
_LIMIT = {False: 4 * 3_600.0, True: 900.0}  # seconds of one process


def main() -> int:
    """The exit code: 0 where everything that takes part was measured."""
    quick = bool(os.environ.get("QUICK"))
    sets = tuple(QUICK_SETS if quick else DATASETS)
    try:
        for name in sets:
            WORLDS[name]()
    except DataMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-quality-") as folder:
        failed = _run_all(sets, quick, Path(folder))
        table = read(Path(folder))
    print(shown(table))
    figures = verdicts(table)
    figures["repeat_equal"] = repeat_equal(DATASETS["scientific"]())
    figures["chinese_factor"] = round(neighbours_factor(), 2)
    figures |= {"seconds": round(time.monotonic() - started, 1), "failed": failed}
    (ROOT / "docs" / "benchmarks.md").write_text(document(table, figures, quick=quick))
    print(json.dumps(figures))
    return 1 if failed else 0


def _run_all(sets: tuple[str, ...], quick: bool, folder: Path) -> list[str]:
    failed = []
    for dataset in sets:
        for name, contender in contenders().items():
            if not _takes_part(name, contender, dataset, quick):
                continue
            for seed in SEEDS if contender.seeded and not quick else SEEDS[:1]:
                if not _run(dataset, name, contender, seed, quick, folder):
                    failed.append(f"{dataset} {name} {seed}")
    return failed


def _takes_part(name: str, contender: Contender, dataset: str, quick: bool) -> bool:
    if contender.worlds and dataset not in contender.worlds:
        return False
    if quick and name not in QUICK_SETS[dataset]:
        return False
    return not contender.needs_repeats or any(
        task.repeats for task in TASKS if task.world == dataset
    )


def _run(
    dataset: str, name: str, contender: Contender, seed: int, quick: bool, folder: Path
) -> bool:
    """Whether the contender could be measured."""
    python = str(_RIVALS_PYTHON) if contender.libraries else sys.executable
    order = [python, "-m", "tests.bench.quality.one", dataset, name, str(seed), str(folder)]
    try:
        done = subprocess.run(
            order, cwd=ROOT, check=False, timeout=_LIMIT[quick], stderr=subprocess.PIPE, text=True
        )
    except subprocess.TimeoutExpired:
        print(f"{dataset} {name}: no figures within {_LIMIT[quick]:.0f} s", flush=True)
        return False
    if done.returncode:
        print(f"{dataset} {name}: {done.stderr[-1500:]}", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
