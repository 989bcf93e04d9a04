"""What the sequence model learns by: its loss, its exam on the way, and the source it becomes."""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.engine.arrays import I64, Tensors
from training.engine.exam import Exam
from training.engine.history import Past
from training.engine.metrics import DEPTH, judge
from training.engine.network import NO_TARGET, Batch, Network, slots
from training.engine.sampling import Sampler, batch_of_pasts
from training.engine.sources.sequence import Sequence
from training.engine.workbench import Workbench

_FULL_SOFTMAX = 10_000  # items; above it a sample of items stands for all
_MOSTLY_MET = 1.5  # items for each met one up to which picking the met ones costs more


class SequenceObjective:
    """Cross-entropy of what a subject takes up next, over all met items or a corrected sample of
    them."""

    most_columns = _FULL_SOFTMAX

    def __init__(
        self,
        bench: Workbench,
        network: Network,
        text: Tensor | None,
        exam: Exam,
        draws: Sampler,
        beside: Tensor | None = None,
    ) -> None:
        """beside: further vectors of the texts that stay as they are, float32 [items, n]."""
        self.bench, self.network, self.text, self.exam = bench, network, text, exam
        self.draws, self.beside = draws, beside
        counts = np.bincount(draws.goal_item, minlength=len(network.met))
        self.met = torch.nonzero(network.met.cpu() > 0)[:, 0]
        self.share = torch.from_numpy(counts / max(1, counts.sum()))

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        return [(list(self.network.parameters()), self.bench.job.number("learning_rate"))]

    def loss(self, batch: Batch, step: int) -> Tensor:
        return self.loss_with(batch, step, self.text)

    def read(self, text: Tensor | None) -> Tensor | None:
        """What the network reads: the text vectors, and what stands beside them, half and half."""
        if text is None or self.beside is None:
            return text
        return torch.cat([text, self.beside], dim=1) * math.sqrt(0.5)

    def source(self, text: Tensor | None) -> Sequence:
        """The network as a numpy source, with the vectors of all items computed once."""
        return served(self.network, self.read(text))

    def loss_with(self, batch: Batch, step: int, text: Tensor | None) -> Tensor:
        """The loss with the given text vectors of all items, [items, text]."""
        columns, shift = self._columns(batch, step)
        own = self.bench.ranks.part(batch)
        with self.bench.autocast():
            vectors = self.network.vectors(self.read(text))
            self._part_ways(step)
            scores = self.network.scores(own, vectors, columns, shift)
        target = own.target.flatten()
        if columns is not None:
            place = slots(columns, len(self.network.met))[target.clamp(min=0)]
            target = torch.where(target < 0, NO_TARGET, place)
        summed = F.cross_entropy(
            scores.flatten(0, 1), target, ignore_index=NO_TARGET, reduction="sum"
        )
        return summed / (batch.target >= 0).sum()

    def measure(self) -> float | None:
        return self.measure_with(self.text)

    def measure_with(self, text: Tensor | None) -> float:
        """NDCG@10 of the exam with the given text vectors, as rank 0 finds it."""
        leads = self.bench.ranks.leads
        figure = torch.tensor(self._measured(text) if leads else 0.0, dtype=torch.float64)
        return float(self.bench.ranks.told(figure))

    def _measured(self, text: Tensor | None) -> float:
        self.network.eval()
        rankings = []
        with torch.inference_mode(), self.bench.autocast():
            vectors = self.network.vectors(self.read(text))
            for first in range(0, len(self.exam.pasts), 128):
                self.bench.stop.check()
                rankings.extend(self._rank(self.exam.pasts[first : first + 128], vectors))
        self.network.train()
        figures = [judge(r, t)[0] for r, t in zip(rankings, self.exam.targets, strict=True)]
        return float(np.mean(figures))

    def state(self) -> Tensors:
        return {
            name: value.numpy(force=True).copy()
            for name, value in self.network.state_dict().items()
        }

    def restore(self, state: Tensors) -> None:
        self.network.load_state_dict(
            {name: torch.from_numpy(value.copy()) for name, value in state.items()}
        )

    def _part_ways(self, step: int) -> None:
        """What is drawn for items is the same on all ranks; rows must not share their dropout."""
        if self.bench.ranks.size > 1:
            torch.manual_seed(self.bench.seed(15, step, self.bench.ranks.rank))

    def _columns(self, batch: Batch, step: int) -> tuple[Tensor | None, Tensor]:
        """Items of the softmax, int64 [C], and by how much the score of each is moved. Of a small
        catalogue all, as None, where those that nobody has met are shut out, or the met ones where
        there are far fewer; of a large one a sample of the met ones beside the batch's targets,
        moved by the log of its chance to be there.

        Correction of a sampled softmax: Bengio & Senécal 2008.
        """
        device = batch.item.device
        if len(self.met) <= self.most_columns:
            if len(self.network.met) <= _MOSTLY_MET * len(self.met):
                return None, torch.log(self.network.met)
            return self.met.to(device), torch.zeros(len(self.met), device=device)
        generator = torch.Generator().manual_seed(self.bench.seed(14, step))
        picked = self.met[torch.randperm(len(self.met), generator=generator)[: self.most_columns]]
        targets = batch.target[batch.target >= 0].cpu()
        columns = torch.unique(torch.cat([picked, targets]))
        passed_over = (1.0 - self.share[columns]) ** len(targets)
        missed = (1.0 - self.most_columns / len(self.met)) * passed_over
        return columns.to(device), -torch.log1p(-missed).float().to(device)

    def _rank(self, pasts: list[Past], vectors: Tensor) -> list[I64]:
        batch = batch_of_pasts(pasts, self.exam.now, self.network.shape.length)
        device = vectors.device
        scores = self.network.scores(batch.to(device), vectors, None)[:, 0]
        scores[:, torch.from_numpy(~self.exam.candidates).to(device)] = -torch.inf
        if not self.exam.repeats:
            for row, past in enumerate(pasts):
                scores[row, torch.from_numpy(past.item).to(device)] = -torch.inf
        best = scores.topk(min(DEPTH, scores.shape[1])).indices
        return list(best.cpu().numpy())


class RenewObjective(SequenceObjective):
    """The same loss on all events, also those that the choice of a step held out. Nothing is left
    to measure by, so its last step is the one that is kept."""

    def measure(self) -> float | None:
        return None


def served(network: Network, text: Tensor | None) -> Sequence:
    """The network as a numpy source, with the vectors of all items computed once."""
    training = network.training
    network.eval()
    with torch.inference_mode():
        vectors = network.vectors(text).float().numpy(force=True)
        bias = network.bias_for_all().numpy(force=True)
    network.train(training)  # left as it was found: what is trained on goes on with dropout
    left_out = ("identity.weight", "text.weight", "bias", "met")
    weights = {
        name: value.numpy(force=True).copy()
        for name, value in network.state_dict().items()
        if name not in left_out
    }
    return Sequence(vectors, bias, weights, network.shape.heads, network.shape.length)
