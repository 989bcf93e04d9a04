"""How long and on what the sequence model trains: what is drawn, the network at its start, the plan
of its steps, and the renewal on all events."""

import numpy as np
import torch

from training.engine.job import Job
from training.engine.loop import Plan, train
from training.engine.network import NetShape, Network
from training.engine.sampling import Sampler, sampler
from training.engine.sequence_objective import RenewObjective, SequenceObjective
from training.engine.snapshot import Events
from training.engine.split import Split
from training.engine.workbench import Workbench

_QUESTIONS = 8  # per stretch of events at most
_GOOD_STEPS = 400  # what "auto" epochs aim at
_MOST_EPOCHS = 8  # of few events, which are learned by heart sooner
_GOOD_EVENTS = 600_000  # and what it reads about, where histories are long: a question costs less
_MOST_EVENTS = 3_000_000  # that a processor reads: of very many, not even each once
_EVENTS_A_STEP, _FEWEST = 2_048, 32  # read in one step on a processor; the fewest stretches of one
_HORIZON_WINDOWS = 1.5
_RENEWED = 1.0  # of the steps that were best, once more with the events that were held out


def prepare_sampler(job: Job, events: Events, split: Split) -> Sampler:
    """Draws from everything before the fusion window."""
    return sampler_until(job, events, split, split.moment("fusion"))


def sampler_until(job: Job, events: Events, split: Split, moment: float) -> Sampler:
    """Draws from everything before the moment; targets lie up to 1.5 windows ahead."""
    return sampler(
        events,
        split.goal,
        moment=moment,
        horizon_days=_HORIZON_WINDOWS * split.days,
        length=job.count("sequence_length"),
        questions=_QUESTIONS,
        repeats=split.repeats,
    )


def build_network(
    bench: Workbench, draws: Sampler, events: Events, text: int, items: int
) -> Network:
    """A freshly seeded network for this snapshot. text: directions of what it reads of the texts,
    0 where it reads nothing."""
    job = bench.job
    shape = NetShape(
        items=items,
        text=text,
        types=len(events.types),
        dim=job.count("dim"),
        layers=job.count("layers"),
        heads=job.count("heads"),
        length=job.count("sequence_length"),
        dropout=job.number("dropout"),
        repeats=draws.repeats,
    )
    torch.manual_seed(bench.seed(10))
    return Network(shape, torch.from_numpy(draws.met(items))).to(bench.device)


def train_sequence(
    bench: Workbench, objective: SequenceObjective, draws: Sampler
) -> dict[str, float]:
    """Train a network on frozen text. Returns what the loop reports."""
    job = bench.job
    size = batch_size(bench, draws)
    per_epoch = steps_per_epoch(bench, draws, size)
    epochs = job.params["epochs"] or _usual_epochs(bench, per_epoch, len(draws))
    steps = max(1, round(per_epoch * float(epochs)))
    plan = Plan(
        series="sequence",
        steps=steps,
        steps_per_epoch=per_epoch,
        measure_every=min(per_epoch * max(1, steps // per_epoch // 10), 200),
        batch_size=size,
        warmup=min(100, steps // 5 + 1),
        weight_decay=job.number("weight_decay"),
        patience=3,
        # Without text a network first learns what is popular, and stands there for a while.
        patient_until=steps // 3,
    )
    return train(bench, objective, draws, plan)


def _usual_epochs(bench: Workbench, per_epoch: int, events: int) -> float:
    """How often all events are seen, of which one epoch takes so many steps."""
    wished = min(_GOOD_STEPS / per_epoch, _GOOD_EVENTS / events)
    least = min(1.0, _MOST_EVENTS / events) if bench.device.type == "cpu" else 1.0
    return float(np.clip(round(wished), least, _MOST_EPOCHS))


def renew_sequence(bench: Workbench, objective: RenewObjective, draws: Sampler, best: int) -> None:
    """Go on with a trained network on `draws`, which hold all events, for a share of the `best`
    number of steps."""
    size = batch_size(bench, draws)
    per_epoch = steps_per_epoch(bench, draws, size)
    steps = max(1, round(_RENEWED * best))
    plan = Plan(
        series="renew",
        steps=steps,
        steps_per_epoch=per_epoch,
        measure_every=steps,
        batch_size=size,
        warmup=min(20, steps // 5 + 1),
        weight_decay=bench.job.number("weight_decay"),
        patience=1,
    )
    train(bench, objective, draws, plan)


def batch_size(bench: Workbench, draws: Sampler) -> int:
    """Stretches of one step: as many as the job asks for; on a processor fewer where they are long,
    since there a step costs what it reads."""
    most = bench.job.count("batch_size")
    if bench.device.type != "cpu":
        return most
    ranges = draws.stretches(bench.seed(11), 0)
    length = float((ranges[:, 1] - ranges[:, 0]).mean())
    return int(np.clip(_EVENTS_A_STEP / length, min(most, _FEWEST), most))


def steps_per_epoch(bench: Workbench, draws: Sampler, batch_size: int) -> int:
    """Batches that show every stretch of events once, at least 1."""
    stretches = len(draws.stretches(bench.seed(11), 0))
    return max(1, -(-stretches // batch_size))
