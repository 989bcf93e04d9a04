"""Whether two runs of the same inputs give the same weights, each in a process of its own on the
CPU: the whole engine, fine-tuning included, on the first people of a data set and what they met."""

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.quality.datasets.places import ROOT
from tests.bench.quality.engine_run import write_job
from tests.bench.quality.world import World, met_alone
from training.engine.snapshot import Snapshot

PEOPLE = 200
# Every stage, each for a short while: what repeats in few steps repeats in many.
_SHORT = {"text_tokens": 16, "epochs": 2, "finetune_epochs": 1}


def repeat_equal(world: World) -> bool:
    """Whether every file of both artifacts has the same SHA-256. Raises
    subprocess.CalledProcessError where a run fails."""
    part, _ = met_alone(world.snapshot, world.snapshot.events.subject < PEOPLE)
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(_hashes, (part, part))
    return first == second


def _hashes(part: Snapshot) -> dict[str, str]:
    """The hash of every file of the artifact of one run, which computes with one thread."""
    params = {"window_days": 1.0, "repeats": False, **_SHORT}
    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        write_job(Path(folder), part, {"seed": 1, "threads": 1, "params": params})
        subprocess.run(
            [sys.executable, "-m", "training.engine.run", folder],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        manifest = json.loads((Path(folder) / "artifact" / "manifest.json").read_text())
        return {name: file["sha256"] for name, file in manifest["files"].items()}
