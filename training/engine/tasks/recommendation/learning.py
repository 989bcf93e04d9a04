"""Trains the sequence model on frozen text and then, from there, the fine-tuned one."""

from dataclasses import dataclass

import torch

from training.engine.arrays import Tensors
from training.engine.finetuning import FinetuneObjective, adapt, finetune
from training.engine.sampling import Sampler
from training.engine.sequence_training import (
    SequenceObjective,
    build_network,
    prepare_exam,
    prepare_sampler,
    served,
    train_sequence,
)
from training.engine.snapshot import Snapshot
from training.engine.sources.source import Source
from training.engine.split import Split
from training.engine.tasks.recommendation.reading import Texts
from training.engine.workbench import Workbench

FROZEN = "sequence"
FINETUNED = "sequence_finetuned"


@dataclass(frozen=True)
class Learned:
    """The sequence sources that could be trained. courses: what each loop reported; rebuild:
    tensors from which the fine-tuned encoder and network can be made again; skipped: source ->
    code.
    """

    sources: dict[str, Source]
    courses: dict[str, dict[str, float]]
    rebuild: Tensors
    skipped: dict[str, str]

    @property
    def better(self) -> str | None:
        """The sequence source that the fusion takes up: the better one on the exam of both
        loops."""
        return max(self.courses, key=lambda name: self.courses[name]["best"], default=None)


def learn_sequences(bench: Workbench, snapshot: Snapshot, parts: Split, texts: Texts) -> Learned:
    """Both sequence sources; the second only where a base model reads the texts and can be
    adapted."""
    bench.stop.check()
    bench.progress.stage("sequence")
    draws = prepare_sampler(bench.job, snapshot.events, parts)
    if not len(draws.stretches(bench.seed(11), 0)):
        return Learned({}, {}, {}, {FROZEN: "no_sequences", FINETUNED: "no_sequences"})
    objective = _on_frozen_text(bench, snapshot, parts, texts, draws)
    course = train_sequence(bench, objective, draws)
    source = served(objective.network, objective.text)
    frozen = Learned({FROZEN: source}, {FROZEN: course}, objective.state(), {})
    bench.stop.check()
    bench.progress.stage("finetune")
    return _with_finetuned(bench, texts, objective, draws, frozen)


def follow_sequences(bench: Workbench, snapshot: Snapshot, parts: Split, texts: Texts) -> None:
    """The same two loops on a rank that does not lead: it trains along, and nothing comes of it."""
    draws = prepare_sampler(bench.job, snapshot.events, parts)
    if not len(draws.stretches(bench.seed(11), 0)):
        return
    objective = _on_frozen_text(bench, snapshot, parts, texts, draws)
    train_sequence(bench, objective, draws)
    finetuning = _on_moving_text(bench, texts, objective)
    if finetuning is not None:
        finetune(bench, finetuning, draws)


def _on_frozen_text(
    bench: Workbench, snapshot: Snapshot, parts: Split, texts: Texts, draws: Sampler
) -> SequenceObjective:
    vectors = texts.vectors
    network = build_network(bench, draws, snapshot.events, vectors, len(snapshot.catalogue))
    text = None if vectors is None else torch.from_numpy(vectors).to(bench.device)
    exam = prepare_exam(bench, snapshot.events, parts, parts.cases["fusion"])
    return SequenceObjective(bench, network, text, exam, draws)


def _on_moving_text(
    bench: Workbench, texts: Texts, objective: SequenceObjective
) -> FinetuneObjective | None:
    """The objective that fine-tunes the base; None where something stands against it."""
    encoder, readings = texts.encoder, texts.readings
    if _obstacle(bench, texts) or encoder is None or readings is None or texts.layers is None:
        return None
    tuned = adapt(bench, encoder, texts.layers, readings.whitening)
    return FinetuneObjective(objective, tuned, readings)


def _with_finetuned(
    bench: Workbench, texts: Texts, objective: SequenceObjective, draws: Sampler, frozen: Learned
) -> Learned:
    finetuning = _on_moving_text(bench, texts, objective)
    if finetuning is None:
        skipped = {FINETUNED: _obstacle(bench, texts)}
        return Learned(frozen.sources, frozen.courses, frozen.rebuild, skipped)
    whitening = finetuning.readings.whitening
    course = finetune(bench, finetuning, draws)
    finetuning.refresh()
    source = served(objective.network, finetuning.bank)
    return Learned(
        sources={**frozen.sources, FINETUNED: source},
        courses={**frozen.courses, FINETUNED: course},
        rebuild={
            **finetuning.state(),
            "whitening.mean": whitening.mean,
            "whitening.turn": whitening.turn,
        },
        skipped={},
    )


def _obstacle(bench: Workbench, texts: Texts) -> str:
    """Why the base model is not fine-tuned, or nothing."""
    if texts.readings is None:
        return texts.reading.code
    if texts.layers is None:
        return "base_cannot_be_adapted"
    return "switched_off" if bench.job.params["finetune_epochs"] == 0 else ""
