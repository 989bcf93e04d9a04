"""Trains the sequence model on frozen text and then, from there, the fine-tuned one."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from training.engine.arrays import Tensors
from training.engine.exam import prepare_exam
from training.engine.finetuning import FinetuneObjective, adapt, finetune
from training.engine.matching import learn_matching
from training.engine.pace import pace_days
from training.engine.sampling import Sampler
from training.engine.sequence_objective import RenewObjective, SequenceObjective
from training.engine.sequence_training import (
    build_network,
    prepare_sampler,
    renew_sequence,
    sampler_until,
    train_sequence,
)
from training.engine.snapshot import Snapshot
from training.engine.sources.source import Source
from training.engine.split import Split
from training.engine.tasks.recommendation.reading import Texts
from training.engine.workbench import Workbench

FROZEN = "sequence"
FINETUNED = "sequence_finetuned"
MATCHED = "content_matched"
_FADING = 3.0  # visits in which what was met loses half of its say where texts are compared
_NEW_ENOUGH = 0.02  # of the catalogue that nobody has met: it is these items that MATCHED is for


@dataclass(frozen=True)
class Learned:
    """The sequence sources that could be trained, as they are judged. courses: what each loop
    reported; rebuild: tensors from which the fine-tuned encoder and network can be made again;
    skipped: source -> code; renewed: one source once more, with the events that were held out for
    choosing, as it will serve; renew(name): this with that source renewed, the better one where
    None is named; to be called once, for it goes on with the same network.
    """

    sources: dict[str, Source]
    courses: dict[str, dict[str, float]]
    rebuild: Tensors
    skipped: dict[str, str]
    renewed: dict[str, Source] = field(default_factory=dict)
    renew: Callable[[str | None], "Learned"] | None = None

    @property
    def better(self) -> str | None:
        """The sequence source that the fusion takes up: the better one on the exam of both
        loops."""
        tried = [name for name in (FROZEN, FINETUNED) if name in self.courses]
        return max(tried, key=lambda name: self.courses[name]["best"], default=None)


def learn_sequences(bench: Workbench, snapshot: Snapshot, parts: Split, texts: Texts) -> Learned:
    """Both sequence sources, the second only where a base model reads the texts and can be adapted,
    and what compares texts by a learnt map, for new items. Every rank of a run calls it alike;
    what comes of it is the leader's."""
    bench.stop.check()
    bench.progress.stage("sequence")
    draws = prepare_sampler(bench.job, snapshot.events, parts)
    if not len(draws.stretches(bench.seed(11), 0)):
        return Learned({}, {}, {}, dict.fromkeys((FROZEN, FINETUNED, MATCHED), "no_sequences"))
    objective = _on_frozen_text(bench, snapshot, parts, texts, draws)
    course = train_sequence(bench, objective, draws)
    source = objective.source(objective.text)
    frozen = Learned({FROZEN: source}, {FROZEN: course}, objective.state(), {})
    bench.stop.check()
    bench.progress.stage("finetune")
    finetuning = _on_moving_text(bench, texts, objective)
    if finetuning is None:
        learned = replace(frozen, skipped={FINETUNED: _obstacle(bench, texts)})
    else:
        learned = _with_finetuned(bench, finetuning, draws, frozen)
    bench.stop.check()
    bench.progress.stage("match")
    learned = _with_matched(bench, snapshot, parts, texts, objective, learned)

    def renew(name: str | None) -> Learned:
        name = name or learned.better or FROZEN
        before = frozen.rebuild
        return _renewed(bench, snapshot, parts, objective, finetuning, learned, before, name)

    return replace(learned, renew=renew)


def _on_frozen_text(
    bench: Workbench, snapshot: Snapshot, parts: Split, texts: Texts, draws: Sampler
) -> SequenceObjective:
    kinds = texts.kinds
    width = sum(vectors.shape[1] for vectors in kinds)
    network = build_network(bench, draws, snapshot.events, width, len(snapshot.catalogue))
    held = [torch.from_numpy(vectors).to(bench.device) for vectors in kinds]
    text, beside, *_ = (*held, None, None)
    exam = prepare_exam(bench, snapshot.events, parts, parts.cases["fusion"])
    return SequenceObjective(bench, network, text, exam, draws, beside)


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
    bench: Workbench, finetuning: FinetuneObjective, draws: Sampler, frozen: Learned
) -> Learned:
    whitening = finetuning.readings.whitening
    course = finetune(bench, finetuning, draws, frozen.courses[FROZEN].get("best", -math.inf))
    finetuning.refresh()
    source = finetuning.source(finetuning.bank)
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


def _with_matched(
    bench: Workbench,
    snapshot: Snapshot,
    parts: Split,
    texts: Texts,
    objective: SequenceObjective,
    learned: Learned,
) -> Learned:
    events = snapshot.events
    unmet = 1.0 - len(np.unique(events.item)) / len(snapshot.catalogue)
    if not texts.kinds or unmet < _NEW_ENOUGH:
        why = "no_new_items" if texts.kinds else texts.reading.code
        return replace(learned, skipped={**learned.skipped, MATCHED: why})
    given = bench.job.params["content_half_life_days"]
    fading = float(given or _FADING * pace_days(events, parts.moment("fusion")))
    source, course = learn_matching(bench, objective, texts.kinds, fading)
    return replace(
        learned,
        sources={**learned.sources, MATCHED: source},
        courses={**learned.courses, MATCHED: course},
    )


def _renewed(
    bench: Workbench,
    snapshot: Snapshot,
    parts: Split,
    objective: SequenceObjective,
    finetuning: FinetuneObjective | None,
    learned: Learned,
    before_finetuning: Tensors,
    name: str,
) -> Learned:
    """The source goes on learning from what was held out: the youngest events tell most.
    Its encoder stays as it is."""
    moved = name == FINETUNED and finetuning is not None
    network, text = objective.network, objective.text
    if moved and finetuning is not None:
        text = finetuning.bank
    else:  # a second loop may have gone on with the same network
        objective.restore(before_finetuning)
    draws = sampler_until(bench.job, snapshot.events, parts, parts.end)
    network.meet(torch.from_numpy(np.flatnonzero(draws.met(len(snapshot.catalogue)))))
    fresh = RenewObjective(bench, network, text, objective.exam, draws, objective.beside)
    renew_sequence(bench, fresh, draws, int(learned.courses[name]["best_step"]))
    renewed: dict[str, Source] = {name: fresh.source(text)}
    if finetuning is not None and not moved:  # what is told of the encoder stays with its network
        return replace(learned, renewed=renewed)
    prefix = "network." if moved else ""
    rebuild = {**learned.rebuild, **{f"{prefix}{key}": v for key, v in fresh.state().items()}}
    return replace(learned, rebuild=rebuild, renewed=renewed)


def _obstacle(bench: Workbench, texts: Texts) -> str:
    """Why the base model is not fine-tuned, or nothing."""
    if texts.readings is None:
        return texts.reading.code
    if bench.job.params["finetune_epochs"] == 0:
        return "switched_off"
    return "base_cannot_be_adapted" if texts.layers is None else ""
