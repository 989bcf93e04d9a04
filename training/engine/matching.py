"""Fine-tunes what is read of the items' texts, by a linear map behind the frozen encoders: what a
subject took up, on average and the youngest most, has to point at what it takes up next.

The map starts as the identity, so the vectors begin as the frozen ones, and moves all items alike,
those too that nobody has met: it is for them. Shapes: B sequences, L events, K questions.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.engine.arrays import F32, I64
from training.engine.loop import Plan, train
from training.engine.network import NO_TARGET, Batch, reachable, slots
from training.engine.sequence_objective import RenewObjective, SequenceObjective
from training.engine.sequence_training import steps_per_epoch
from training.engine.sources.content import FOLLOWS, Content
from training.engine.sources.sequence import GAPS, SHUT
from training.engine.workbench import Workbench

_STEPS = 150
_STRETCHES = 160  # of one step, about three questions each
_RATE, _RATE_BESIDE = 2e-3, 1e-2
_SIZE = 16.0  # of a text's vector: what the rate is made for
_COLUMNS = 1_024  # items that a question's answer has to be told from


class Matching(nn.Module):
    """kinds: what is read of the texts, each float32 [items, d]; counts: how often each item is a
    target, int64 [items]; half_life_days: of events."""

    met: Tensor
    fading: Tensor

    def __init__(self, kinds: tuple[F32, ...], counts: I64, met: Tensor, half_life_days: float):
        super().__init__()
        self.kinds = [F.normalize(torch.from_numpy(kind), dim=1) for kind in kinds]
        width = sum(kind.shape[1] for kind in kinds)
        self.turn = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.turn.weight)
        self.bias = nn.Parameter(0.5 * torch.log1p(torch.from_numpy(counts).float()))
        self.scale = nn.Parameter(torch.tensor(math.log(10.0)))
        hours = 1.5 * 2.0 ** np.arange(GAPS) - 1.0  # the middle of each bucket of ages
        fading = np.exp2(-hours / 24.0 / half_life_days)
        self.register_buffer("fading", torch.from_numpy(fading.astype(np.float32)))
        self.register_buffer("met", met.clone())

    def vectors(self, items: Tensor) -> Tensor:
        """Unit vectors of some items, [n, width]; of one without texts, zeros."""
        held = torch.cat([kind[items.cpu()] for kind in self.kinds], dim=1)
        text = held.to(self.turn.weight.device) * (_SIZE / math.sqrt(len(self.kinds)))
        return F.normalize(text + self.turn(text), dim=1)

    def scores(self, batch: Batch, columns: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of the items in `columns` (int64 [C], distinct), each moved by its `shift` [C],
        [B, K, C], those shut out that the question's past holds; and whether that past holds the
        target, bool [B, K]."""
        needed, place = torch.unique(
            torch.cat([batch.item.flatten(), columns]), return_inverse=True
        )
        vectors = self.vectors(needed)
        inner, outer = place[: batch.item.numel()], place[batch.item.numel() :]
        reach = reachable(batch.place, batch.item.shape[1])
        weight = self.fading[batch.age] * batch.amount[:, None, :] * reach
        wanted = F.normalize(weight @ vectors[inner].view(*batch.item.shape, -1), dim=2)
        scores = wanted @ vectors[outer].T * self.scale.exp() + (self.bias[columns] + shift)
        slot = slots(columns, len(self.met))[batch.item]
        there = (slot < len(columns))[:, None, :] & reach
        where = slot.clamp(max=len(columns) - 1)[:, None, :].expand(-1, reach.shape[1], -1)
        held = ((batch.item[:, None, :] == batch.target[..., None]) & reach).any(dim=2)
        return scores.scatter_add(2, where, SHUT * there), held


class MatchingObjective(RenewObjective):
    """Cross-entropy of what a subject takes up next, told from a corrected sample of the items."""

    most_columns = _COLUMNS
    network: Matching  # type: ignore[assignment] # the loss reads no more of it than this has

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        beside = [self.network.bias, self.network.scale]
        return [(list(self.network.turn.parameters()), _RATE), (beside, _RATE_BESIDE)]

    def loss(self, batch: Batch, step: int) -> Tensor:
        columns, shift = self._columns(batch, step)
        if columns is None:  # all items, where there are few
            columns = torch.arange(len(self.network.met), device=shift.device)
        own = self.bench.ranks.part(batch)
        scores, held = self.network.scores(own, columns, shift)
        place = slots(columns, len(self.network.met))[own.target.clamp(min=0)]
        target = torch.where((own.target < 0) | held, NO_TARGET, place)
        summed = F.cross_entropy(
            scores.flatten(0, 1), target.flatten(), ignore_index=NO_TARGET, reduction="sum"
        )
        return summed / (batch.target >= 0).sum()


def learn_matching(
    bench: Workbench,
    objective: SequenceObjective,
    kinds: tuple[F32, ...],
    half_life_days: float,
) -> tuple[Content, dict[str, float]]:
    """A source that compares texts by the learnt map, and what the loop reports. objective: that
    of the sequence model, whose events it learns from too; kinds: what is read of the texts."""
    draws = objective.draws
    counts = np.bincount(draws.goal_item, minlength=len(kinds[0]))
    torch.manual_seed(bench.seed(90))
    network = Matching(kinds, counts, objective.network.met, half_life_days).to(bench.device)
    learning = MatchingObjective(bench, network, None, objective.exam, draws)  # type: ignore[arg-type]
    plan = Plan(
        series="matching",
        steps=_STEPS,
        steps_per_epoch=steps_per_epoch(bench, draws, _STRETCHES),
        measure_every=_STEPS,
        batch_size=_STRETCHES,
        warmup=1,
        weight_decay=0.0,
        patience=1,
    )
    course = train(bench, learning, draws, plan)
    with torch.inference_mode():
        every = torch.split(torch.arange(len(network.met)), 4_096)
        vectors = torch.cat([network.vectors(items).cpu() for items in every])
    return Content(vectors.numpy(), None, half_life_days, FOLLOWS), course
