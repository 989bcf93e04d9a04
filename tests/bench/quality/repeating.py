"""Whether two runs of the same inputs give the same weights, each in a process of its own on the
CPU: the whole engine, fine-tuning included, on the first people of a data set."""

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.bench.quality.datasets.places import ROOT
from tests.bench.quality.engine_run import write_job
from tests.bench.quality.world import World, only

PEOPLE = 300


def repeat_equal(world: World) -> bool:
    """Whether every file of both artifacts has the same SHA-256. Raises
    subprocess.CalledProcessError where a run fails."""
    events = world.snapshot.events
    part = replace(world.snapshot, events=only(events, events.subject < PEOPLE))
    order = {"seed": 1, "params": {"window_days": 1.0, "repeats": False}}
    hashes = []
    for _ in range(2):
        with tempfile.TemporaryDirectory(prefix="quality-") as folder:
            write_job(Path(folder), part, order)
            subprocess.run(
                [sys.executable, "-m", "training.engine.run", folder],
                cwd=ROOT,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            manifest = json.loads((Path(folder) / "artifact" / "manifest.json").read_text())
            hashes.append({name: file["sha256"] for name, file in manifest["files"].items()})
    return hashes[0] == hashes[1]
