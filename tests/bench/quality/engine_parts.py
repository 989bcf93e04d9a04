"""The engine and its single sources as contenders. A source is measured as it stands in the
engine's table, with the options that the engine itself tries; a sequence model as a run trains it.
"""

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.quality import engine_run
from tests.bench.quality.contender import ByScore, Contender, Ranker, Study
from training.engine.arrays import Settings
from training.engine.run import prepare_environment
from training.engine.snapshot import Snapshot
from training.engine.sources import SOURCES
from training.engine.sources.source import Ground, Source
from training.engine.tuning import options_at


@dataclass(frozen=True)
class Learned:
    """A source of scores, and how its training ended."""

    source: Source
    told: str = ""
    finished: bool = True


def _fit(name: str, study: Study, settings: Settings) -> Learned:
    fit = SOURCES[name].fit
    if fit is None:
        raise ValueError(f"{name} is made by a training stage of its own")
    return Learned(fit(Ground(study.snapshot, study.moment, None), settings))


def _restored(name: str, learned: Any, settings: Settings) -> Ranker:
    source = learned.source
    return _by_source(SOURCES[name].restore(source.tensors(), {**source.settings(), **settings}))


def _by_source(source: Source) -> Ranker:
    return ByScore(lambda pasts, asked: np.stack([source.score(past, asked.now) for past in pasts]))


def _quick(name: str) -> Contender:
    kind = SOURCES[name]
    return Contender(
        partial(_fit, name),
        partial(_restored, name),
        lambda half_lives, pace: options_at(kind, pace),
        learned=kind.learned,
        rival=False,
        needs_repeats=kind.needs == "repeats",
    )


def _sequence(kind: str, study: Study, settings: Settings) -> Learned:
    """Train as a run does: `kind` is `frozen`, `finetuned` or `no_text`."""
    prepare_environment()
    from tests.bench.quality.engine_bench import sequences_of

    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        snapshot = without_text(study.snapshot) if kind == "no_text" else study.snapshot
        params = {**engine_run.params_of(study)}
        if kind != "finetuned":
            params["finetune_epochs"] = 0
        engine_run.write_job(Path(folder), snapshot, {"seed": study.seed, "params": params})
        name = "sequence_finetuned" if kind == "finetuned" else "sequence"
        learned = sequences_of(Path(folder), name)
    course = learned.courses[name]
    told = f"{course['steps']} steps, best at {course['best_step']}"
    return Learned(learned.renewed[name], told)


def without_text(snapshot: Snapshot) -> Snapshot:
    """The same items without a word."""
    blank = ("",) * len(snapshot.catalogue)
    return replace(
        snapshot, catalogue=replace(snapshot.catalogue, title=blank, text=blank, category=blank)
    )


def _trained(kind: str) -> Contender:
    return Contender(
        partial(_sequence, kind),
        lambda learned, settings: _by_source(learned.source),
        rival=False,
        seeded=True,
        per_task=True,
    )


PARTS: dict[str, Contender] = {
    **{f"engine.{name}": _quick(name) for name in ("own_history", "neighbours")},
    "engine.sequence_no_text": _trained("no_text"),
    "engine.sequence": _trained("frozen"),
    "engine.sequence_finetuned": _trained("finetuned"),
    "engine": Contender(
        engine_run.learn, engine_run.answer, rival=False, seeded=True, per_task=True
    ),
}
