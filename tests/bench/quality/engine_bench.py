"""The engine's stages up to its sequence models, in this process. Loads torch."""

import io
from pathlib import Path

from training.engine.adapters import ADAPTERS
from training.engine.checkpoint import Checkpoints
from training.engine.job import read_job
from training.engine.progress import Progress
from training.engine.snapshot import read_snapshot
from training.engine.split import split
from training.engine.stopping import Stop
from training.engine.tasks.recommendation.learning import Learned, learn_sequences
from training.engine.tasks.recommendation.reading import read_texts
from training.engine.tasks.table import TASKS
from training.engine.workbench import Workbench, prepare_device


def sequences_of(folder: Path, name: str) -> Learned:
    """What a run in this job folder would learn of sequences, and nothing else of it; the source
    `name` goes on with what was held out."""
    job = read_job(folder, tasks=tuple(TASKS), methods=tuple(ADAPTERS))
    device, fast = prepare_device(job)
    progress = Progress(folder, TASKS[job.task].shares, io.StringIO())
    bench = Workbench(job, progress, Checkpoints(folder / "state", ""), Stop(), device, fast)
    snapshot = read_snapshot(folder)
    days, repeats = job.params["window_days"], job.params["repeats"]
    parts = split(snapshot, days=None if days is None else float(days), repeats=bool(repeats))
    texts = read_texts(bench, snapshot.catalogue, parts.moment("fusion"))
    try:
        return learn_sequences(bench, snapshot, parts, texts, name)
    finally:
        progress.close()
