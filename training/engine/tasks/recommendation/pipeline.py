"""The stages of a recommendation run, in order: fit before, fuse on one window, choose on the
next, report on the last, then fit afresh what is cheap and seal the artifact."""

from pathlib import Path

from training.engine.evaluate import FUSION
from training.engine.following import joined, together
from training.engine.groups import read_groups
from training.engine.snapshot import Snapshot, read_snapshot
from training.engine.sources.source import Ground, Source
from training.engine.split import Split, split
from training.engine.tasks.recommendation.judging import judge_all, reader_of
from training.engine.tasks.recommendation.learning import FINETUNED, FROZEN, learn_sequences
from training.engine.tasks.recommendation.reading import read_texts
from training.engine.tasks.recommendation.settings import choose_settings
from training.engine.tasks.recommendation.writing import Made, write_artifact
from training.engine.tuning import fit_all
from training.engine.workbench import Workbench

SHARES = {
    "read": 2.0,
    "encode": 10.0,
    "tune": 15.0,
    "sequence": 90.0,
    "finetune": 80.0,
    "match": 10.0,
    "fuse": 12.0,
    "evaluate": 25.0,
    "refit": 5.0,
    "publish": 3.0,
}


def run(bench: Workbench, folder: Path) -> None:
    """Train on the snapshot in `folder` and write `folder`/artifact.

    Raises JobError where the data do not suffice, Interrupted when asked to stop.
    """
    made = make(bench, folder)
    write_artifact(bench, folder, made)


def make(bench: Workbench, folder: Path) -> Made:
    """Everything of a run but its artifact. Raises as `run`."""
    _enter(bench, "read")
    snapshot = read_snapshot(folder)
    groups = read_groups(folder, bench.job.files, snapshot.catalogue)
    parts = _split(bench, snapshot)
    _enter(bench, "encode")
    texts = read_texts(bench, snapshot.catalogue, parts.moment("fusion"))
    _enter(bench, "tune")
    ground = Ground(snapshot, parts.moment("fusion"), texts.vectors, texts.characters)
    chosen = choose_settings(bench, ground, parts, texts.reading.code)
    with together(bench, folder):
        learned = learn_sequences(bench, snapshot, parts, texts)
        # Other ranks wait for no verdict.
        ahead = learned.renew(None) if learned.renew and bench.ranks.size > 1 else None
    outcome = judge_all(bench, ground, parts, chosen, learned)
    _enter(bench, "refit")
    single = outcome.serves if outcome.serves in (FROZEN, FINETUNED) else None
    if learned.renew and (single or outcome.serves == FUSION):
        learned = ahead or learned.renew(single)
    fresh = Ground(snapshot, parts.end, texts.vectors, texts.characters)
    sources: dict[str, Source] = {
        **fit_all(chosen.settings, fresh, bench.stop.check),
        **learned.sources,
        **learned.renewed,
    }
    _enter(bench, "publish")
    reader = reader_of(bench, ground, parts, "test")
    return Made(snapshot, parts, texts, chosen, learned, outcome, sources, reader, groups)


def follow(bench: Workbench, folder: Path) -> None:
    """Train beside the rank that leads, on what it has read; the rest is its business alone."""
    snapshot = read_snapshot(folder)
    parts = _split(bench, snapshot)
    texts = read_texts(bench, snapshot.catalogue, parts.moment("fusion"))
    with joined(bench, folder):
        learned = learn_sequences(bench, snapshot, parts, texts)
        if learned.renew:
            learned.renew(None)


def _enter(bench: Workbench, stage: str) -> None:
    bench.stop.check()
    bench.progress.stage(stage)


def _split(bench: Workbench, snapshot: Snapshot) -> Split:
    days, repeats = bench.job.params["window_days"], bench.job.params["repeats"]
    return split(
        snapshot,
        days=None if days is None else float(days),
        repeats=None if repeats is None else bool(repeats),
    )
