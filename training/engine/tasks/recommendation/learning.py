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
    vectors = texts.vectors
    network = build_network(bench, draws, snapshot.events, vectors, len(snapshot.catalogue))
    text = None if vectors is None else torch.from_numpy(vectors).to(bench.device)
    exam = prepare_exam(bench, snapshot.events, parts, parts.cases["fusion"])
    objective = SequenceObjective(bench, network, text, exam, draws)
    course = train_sequence(bench, objective, draws)
    frozen = Learned({FROZEN: served(network, text)}, {FROZEN: course}, objective.state(), {})
    bench.stop.check()
    bench.progress.stage("finetune")
    return _with_finetuned(bench, texts, objective, draws, frozen)


def _with_finetuned(
    bench: Workbench, texts: Texts, objective: SequenceObjective, draws: Sampler, frozen: Learned
) -> Learned:
    encoder, readings = texts.encoder, texts.readings
    code = _obstacle(bench, texts)
    if code or encoder is None or readings is None or texts.layers is None:
        return Learned(frozen.sources, frozen.courses, frozen.rebuild, {FINETUNED: code})
    tuned = adapt(bench, encoder, texts.layers, readings.whitening)
    finetuning = FinetuneObjective(objective, tuned, readings)
    course = finetune(bench, finetuning, draws)
    finetuning.refresh()
    source = served(objective.network, finetuning.bank)
    return Learned(
        sources={**frozen.sources, FINETUNED: source},
        courses={**frozen.courses, FINETUNED: course},
        rebuild={
            **finetuning.state(),
            "whitening.mean": readings.whitening.mean,
            "whitening.turn": readings.whitening.turn,
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
