"""The training loop of every gradient-trained source: schedule, measuring, early stop, checkpoints.

All randomness of a step follows from (seed, step), so that a run that was stopped and went on ends
with the same weights as one that was not. Knows nothing about what is trained.
"""

import math
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from training.engine.arrays import I64, Tensors
from training.engine.batches import sorted_near
from training.engine.network import Batch
from training.engine.sampling import Sampler
from training.engine.stopping import Interrupted
from training.engine.workbench import Workbench

# Seconds; what a killed run loses at most, beside the step it was in. A proof with small jobs asks
# for less.
_SAVE_EVERY = float(os.environ.get("ATTUNE_SAVE_EVERY", "30"))
_CLIP = 1.0


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train. patience: measurements without gain before stopping, counted
    from the step `patient_until`; floor: what there is without this training, which ends at the
    first measurement if that is ahead of it."""

    series: str
    steps: int
    steps_per_epoch: int
    measure_every: int
    batch_size: int
    warmup: int
    weight_decay: float
    patience: int
    patient_until: int = 0
    floor: float = -math.inf


class Objective(Protocol):
    """What a loop trains. `state` must hold everything that later steps depend on."""

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        """Parameters with their peak learning rates."""
        ...

    def loss(self, batch: Batch, step: int) -> Tensor:
        """What this rank adds to the mean loss of a batch, a scalar: alone, all of it. What it
        has added to gradients itself stays."""
        ...

    def measure(self) -> float | None:
        """The figure that decides which step is kept, the same on every rank; higher is better.
        None where the last step is the one to keep. May raise Interrupted."""
        ...

    def state(self) -> Tensors:
        """Copies of all weights and buffers."""
        ...

    def restore(self, state: Tensors) -> None:
        """Put such a state back."""
        ...


@dataclass
class _Course:
    """How far a loop has come. measured: the last step that was measured."""

    step: int = 0
    measured: int = 0
    best: float = -math.inf
    best_step: int = 0
    misses: int = 0
    finished: bool = False


def train(bench: Workbench, objective: Objective, sampler: Sampler, plan: Plan) -> dict[str, float]:
    """Train, and leave `objective` in its best measured state. Returns the best value, if any was
    measured, and its step, and how many steps and epochs were taken. All ranks of a run call it
    alike.

    Raises Interrupted after saving, when the run was asked to stop.
    """
    groups = [{"params": p, "lr": rate, "peak": rate} for p, rate in objective.groups()]
    optimizer = torch.optim.AdamW(groups, weight_decay=plan.weight_decay, fused=True)
    keeper = _Keeper(bench, objective, optimizer, plan.series)
    course, best_state = keeper.resume()
    bench.ranks.check_same(best_state)
    saved_at = time.monotonic()
    if _is_due(course, plan):  # the run before was stopped while it measured
        best_state = _measure(bench, objective, plan, course, best_state, keeper)
    while not course.finished:
        epoch = course.step // plan.steps_per_epoch
        stretches = _ordered(sampler.stretches(bench.seed(11), epoch), plan, bench.seed(16), epoch)
        for index in range(course.step % plan.steps_per_epoch, plan.steps_per_epoch):
            batch = sampler.batch(_drawn(stretches, index, plan), bench.seed(12), course.step)
            _step(bench, objective, optimizer, batch, plan, course)
            course.step += 1
            if _is_due(course, plan):
                best_state = _measure(bench, objective, plan, course, best_state, keeper)
            if bench.stop.requested or time.monotonic() - saved_at > _SAVE_EVERY:
                keeper.save(course, best_state)
                saved_at = time.monotonic()
                bench.stop.check()
            if course.finished:
                break
    objective.restore(best_state)
    keeper.save(course, best_state)
    return {
        **({} if math.isinf(course.best) else {"best": course.best}),
        "best_step": course.best_step,
        "steps": course.step,
        "epochs": round(course.step / plan.steps_per_epoch, 2),
    }


def _ordered(stretches: I64, plan: Plan, seed: int, epoch: int) -> I64:
    """The stretches of an epoch in batches of like length: the longest decides what one costs."""
    generator = np.random.default_rng([seed, epoch])
    length = stretches[:, 1] - stretches[:, 0]
    ordered: I64 = stretches[sorted_near(length, plan.batch_size, generator)]
    return ordered


def _drawn(stretches: I64, index: int, plan: Plan) -> I64:
    first = index * plan.batch_size
    picked: I64 = stretches[
        (first + np.arange(min(plan.batch_size, len(stretches)))) % len(stretches)
    ]
    return picked


def _step(
    bench: Workbench,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    plan: Plan,
    course: _Course,
) -> None:
    started = time.monotonic()
    torch.manual_seed(bench.seed(13, course.step))  # dropout of this step
    factor = _rate(course.step, plan)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
    optimizer.zero_grad()  # first: a loss may bring gradients of its own
    loss = objective.loss(batch.to(bench.device), course.step)
    loss.backward()  # type: ignore[no-untyped-call]
    value = float(bench.ranks.sum_gradients(_parameters(optimizer), loss))
    norm = nn.utils.clip_grad_norm_(_parameters(optimizer), _CLIP)
    optimizer.step()
    spent = time.monotonic() - started
    if course.step % max(1, plan.steps // 100) == 0:
        bench.progress.metric("loss", plan.series, course.step, value)
        bench.progress.draw("grad_norm", plan.series, course.step, float(norm))
        rate = optimizer.param_groups[0]["lr"]
        bench.progress.draw("learning_rate", plan.series, course.step, rate)
    bench.progress.step(
        course.step + 1,
        plan.steps,
        epoch=round((course.step + 1) / plan.steps_per_epoch, 2),
        loss=round(value, 4),
        lr=float(f"{optimizer.param_groups[0]['lr']:.3g}"),
        grad_norm=round(float(norm), 4),
        examples_per_second=round(int((batch.target >= 0).sum()) / max(spent, 1e-6), 1),
    )


def _rate(step: int, plan: Plan) -> float:
    """Linear warm-up, then half a cosine down to a twentieth."""
    if step < plan.warmup:
        return (step + 1) / plan.warmup
    way = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return 0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * way))


def _is_due(course: _Course, plan: Plan) -> bool:
    """Whether the step that was taken last is still to be measured."""
    at = course.step
    return at > course.measured and (at % plan.measure_every == 0 or at == plan.steps)


def _measure(
    bench: Workbench,
    objective: Objective,
    plan: Plan,
    course: _Course,
    best_state: Tensors,
    keeper: "_Keeper",
) -> Tensors:
    """The best state so far. A stop is obeyed in the middle; the step is measured when it goes on.

    Measuring changes nothing that steps depend on but what a whole measurement sets afresh.
    """
    try:
        value = objective.measure()
    except Interrupted:
        keeper.save(course, best_state)
        raise
    course.measured = course.step
    if value is None:
        course.best_step, course.finished = course.step, course.step >= plan.steps
        return objective.state()
    bench.progress.metric("valid_ndcg@10", plan.series, course.step, value)
    improved = value > course.best
    course.misses = 0 if improved or course.step < plan.patient_until else course.misses + 1
    if improved:
        course.best, course.best_step = value, course.step
    hopeless = course.best < plan.floor
    course.finished = course.step >= plan.steps or course.misses >= plan.patience or hopeless
    return objective.state() if improved else best_state


def _parameters(optimizer: torch.optim.Optimizer) -> Iterable[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


class _Keeper:
    """Saves and resumes a loop: weights, optimizer moments, the best state so far, and the
    course."""

    def __init__(
        self, bench: Workbench, objective: Objective, optimizer: torch.optim.Optimizer, key: str
    ) -> None:
        self._bench, self._objective = bench, objective
        self._optimizer, self._key = optimizer, key

    def save(self, course: _Course, best_state: Tensors) -> None:
        tensors = {f"now.{name}": value for name, value in self._objective.state().items()}
        tensors |= {f"best.{name}": value for name, value in best_state.items()}
        for index, moments in self._optimizer.state_dict()["state"].items():
            tensors |= {
                f"optimizer.{index}.{name}": v.numpy(force=True) for name, v in moments.items()
            }
        facts = {**vars(course), "best": None if math.isinf(course.best) else course.best}
        self._bench.checkpoints.save(self._key, tensors, facts)

    def resume(self) -> tuple[_Course, Tensors]:
        saved = self._bench.checkpoints.load(self._key)
        if saved is None:
            return _Course(), self._objective.state()
        self._objective.restore(_part(saved.tensors, "now."))
        held = self._optimizer.state_dict()
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _part(saved.tensors, "optimizer.").items():
            index, _, moment = name.partition(".")
            state.setdefault(int(index), {})[moment] = torch.from_numpy(value.copy())
        self._optimizer.load_state_dict({"state": state, "param_groups": held["param_groups"]})
        facts = dict(saved.facts)
        if facts["best"] is None:
            facts["best"] = -math.inf
        return _Course(**facts), _part(saved.tensors, "best.")


def _part(tensors: Tensors, prefix: str) -> Tensors:
    return {
        name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
    }
