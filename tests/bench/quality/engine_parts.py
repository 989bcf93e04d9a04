"""The engine as a contender: one whole run from snapshot to sealed artifact, whose bundle answers
as `engine`; beside it each source as it will serve, and the sequence models as the run judged
them, before they went on with what was held out.
"""

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench.quality import engine_run
from tests.bench.quality.contender import ByScore, Contender, Ranker, Study
from tests.bench.quality.protocol import Asked
from training.engine.arrays import F32, Settings
from training.engine.bundle import Bundle
from training.engine.history import Past
from training.engine.run import prepare_environment
from training.engine.snapshot import Snapshot
from training.engine.sources.source import Source

SERVED = "engine"
JUDGED = "_judged"
WITHOUT_TEXT = "engine.sequence_no_text_judged"
WITH_LORA = "engine.sequence_lora_judged"
_LORA_EPOCHS = 2


@dataclass(frozen=True)
class Learned:
    """bundle: what serves, where the run was whole; serving, judged: sources by name; told: what
    serves and how trainings ended."""

    bundle: Bundle | None
    serving: dict[str, Source]
    judged: dict[str, Source]
    told: str
    finished: bool = True


def _whole(study: Study, settings: Settings) -> Learned:
    prepare_environment()
    from tests.bench.quality.engine_bench import run_whole

    folder = Path(tempfile.mkdtemp(prefix="quality-"))
    atexit.register(shutil.rmtree, folder, True)  # the bundle reads from it while it answers
    order = {"seed": study.seed, "params": engine_run.params_of(study)}
    engine_run.write_job(folder, study.snapshot, order)
    made, timings = run_whole(folder)
    bundle = Bundle.load(folder / "artifact")
    stages = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in timings.items())
    told = f"serves {bundle.serves}; {stages}"
    return Learned(bundle, made.sources, made.learned.sources, told)


def _answers(learned: Any, settings: Settings) -> dict[str, Ranker]:
    single = {f"{SERVED}.{name}": by_source(each) for name, each in learned.serving.items()}
    judged = {f"{SERVED}.{name}{JUDGED}": by_source(s) for name, s in learned.judged.items()}
    return {SERVED: engine_run.Bundled(learned.bundle), **single, **judged}


def _without_text(study: Study, settings: Settings) -> Learned:
    course, sources = _sequences(study, without_text(study.snapshot), {})
    # Whose best step lies early stood at what is popular until patience ended it.
    finished = course["sequence"]["best_step"] > 0.5 * course["sequence"]["steps"]
    return Learned(None, {}, sources, _told(course["sequence"]), finished)


def _with_lora(study: Study, settings: Settings) -> Learned:
    course, sources = _sequences(study, study.snapshot, {"finetune_epochs": _LORA_EPOCHS})
    return Learned(None, {}, sources, _told(course["sequence_finetuned"]))


def _sequences(
    study: Study, snapshot: Snapshot, params: dict[str, Any]
) -> tuple[dict[str, dict[str, float]], dict[str, Source]]:
    """How the loops of the sequence models went, and the sources as the run judges them."""
    prepare_environment()
    from tests.bench.quality.engine_bench import run_sequences

    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        order = {"seed": study.seed, "params": {**engine_run.params_of(study), **params}}
        engine_run.write_job(Path(folder), snapshot, order)
        learned = run_sequences(Path(folder))
    return learned.courses, learned.sources


def _told(course: dict[str, float]) -> str:
    return f"{course['steps']} steps, best at {course['best_step']}"


def without_text(snapshot: Snapshot) -> Snapshot:
    """The same items without a word."""
    blank = ("",) * len(snapshot.catalogue)
    bare = replace(snapshot.catalogue, title=blank, text=blank, category=blank)
    return replace(snapshot, catalogue=bare)


def by_source(source: Source) -> Ranker:
    """A ranker that asks one source, popularity that of the moment of asking."""

    def score(pasts: Sequence[Past], asked: Asked) -> F32:
        return engine_run.counted_on(source, asked).score_all(pasts, asked.now)

    return ByScore(score)


PARTS: dict[str, Contender] = {
    WITHOUT_TEXT: Contender(
        _without_text,
        lambda learned, settings: {WITHOUT_TEXT: by_source(learned.judged["sequence"])},
        rival=False,
        seeded=True,
        per_task=True,
        worlds=frozenset({"scientific"}),
    ),
    WITH_LORA: Contender(
        _with_lora,
        lambda learned, settings: {WITH_LORA: by_source(learned.judged["sequence_finetuned"])},
        rival=False,
        seeded=True,
        per_task=True,
        worlds=frozenset({"scientific"}),
    ),
    SERVED: Contender(_whole, _answers, rival=False, seeded=True, per_task=True),
}
