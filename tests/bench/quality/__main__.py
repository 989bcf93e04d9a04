"""`make bench-quality`: every contender on every data set, each in a process of its own, then the
tables, docs/benchmarks.md, and one line of JSON with what was measured.

QUICK=1: one seed, two data sets, a sample of their questions, no library that trains for long,
aimed at ten minutes; the document stays as it is. A data set that is missing fails the run. No
figure comes out of a stored file: results lie in a folder that is new for each run.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.quality.contender import Contender
from tests.bench.quality.contenders import contenders
from tests.bench.quality.datasets import DATASETS
from tests.bench.quality.datasets.places import ROOT
from tests.bench.quality.repeating import repeat_equal
from tests.bench.quality.report import document, shown, verdicts
from tests.bench.quality.results import read
from tests.bench.quality.tasks import TASKS
from tests.bench.quality.world import DataMissing

# What a short run measures, and whether the rivals take part there.
QUICK_SETS = {"scientific": True, "scientific_cold": False, "retail": True}
SEEDS = (0, 1, 2)
_RIVALS_PYTHON = ROOT / ".venv-rivals" / "bin" / "python"
_LIMIT = {False: 4 * 3_600.0, True: 300.0}  # seconds of one process


def main() -> int:
    """The exit code: 0 where everything that takes part was measured."""
    quick = bool(os.environ.get("QUICK"))
    sets = tuple(QUICK_SETS if quick else DATASETS)
    try:
        for name in sets:
            DATASETS[name]()
    except DataMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-quality-") as folder:
        failed = _run_all(sets, quick, Path(folder))
        table = read(Path(folder))
    print(shown(table))
    figures = verdicts(table)
    if not quick and not failed:
        (ROOT / "docs" / "benchmarks.md").write_text(document(table))
    figures["repeat_equal"] = repeat_equal(DATASETS["scientific"]())
    figures |= {"seconds": round(time.monotonic() - started, 1), "failed": failed}
    print(json.dumps(figures))
    return 1 if failed else 0


def _run_all(sets: tuple[str, ...], quick: bool, folder: Path) -> list[str]:
    failed = []
    for dataset in sets:
        for name, contender in contenders().items():
            if not _takes_part(contender, dataset, quick):
                continue
            for seed in SEEDS if contender.seeded and not quick else SEEDS[:1]:
                if not _run(dataset, name, contender, seed, quick, folder):
                    failed.append(f"{dataset} {name} {seed}")
    return failed


def _takes_part(contender: Contender, dataset: str, quick: bool) -> bool:
    if contender.worlds and dataset not in contender.worlds:
        return False
    if quick and (contender.costly or (contender.rival and not QUICK_SETS[dataset])):
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
