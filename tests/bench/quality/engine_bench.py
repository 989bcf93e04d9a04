"""One engine run in this process, from a job folder to a sealed artifact, as training.engine.run
does it, but what it learnt stays at hand. Loads torch."""

import io
from pathlib import Path

from training.engine.adapters import ADAPTERS
from training.engine.checkpoint import Checkpoints
from training.engine.job import read_job
from training.engine.lineage import make_record
from training.engine.progress import Progress
from training.engine.snapshot import read_snapshot
from training.engine.split import split
from training.engine.stopping import Stop
from training.engine.tasks.recommendation.learning import Learned, learn_sequences
from training.engine.tasks.recommendation.pipeline import SHARES, make
from training.engine.tasks.recommendation.reading import read_texts
from training.engine.tasks.recommendation.writing import Made, write_artifact
from training.engine.tasks.table import TASKS
from training.engine.text import find_base
from training.engine.workbench import Workbench, prepare_device


def run_whole(folder: Path) -> tuple[Made, dict[str, float]]:
    """The run, its artifact in `folder`/artifact, and the seconds of its stages."""
    bench = bench_of(folder)
    made = make(bench, folder)
    write_artifact(bench, folder, made)
    bench.progress.finish()
    bench.progress.close()
    return made, bench.progress.timings


def run_sequences(folder: Path) -> Learned:
    """What the run would learn of sequences as it judges them, and nothing else of it."""
    bench = bench_of(folder)
    snapshot = read_snapshot(folder)
    days, repeats = bench.job.params["window_days"], bench.job.params["repeats"]
    parts = split(
        snapshot,
        days=None if days is None else float(days),
        repeats=None if repeats is None else bool(repeats),
    )
    texts = read_texts(bench, snapshot.catalogue, parts.moment("fusion"))
    try:
        return learn_sequences(bench, snapshot, parts, texts)
    finally:
        bench.progress.close()


def bench_of(folder: Path) -> Workbench:
    """The workbench of the job in the folder."""
    job = read_job(folder, tasks=tuple(TASKS), methods=tuple(ADAPTERS))
    device, fast = prepare_device(job)
    record = make_record(job, find_base(job.base_model), device, fast=fast)
    progress = Progress(folder, SHARES, io.StringIO())
    checkpoints = Checkpoints(folder / "checkpoint", "bench")
    return Workbench(job, progress, checkpoints, Stop(), device, fast, record)
