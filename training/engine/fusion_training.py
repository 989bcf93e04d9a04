"""Fits the ranker on shortlists of the fusion window by a listwise softmax. Sees no other window.

Two are fitted, one that is told the basic features and one that is told all of them; the second is
kept only where it does better on people whom neither was fitted on.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training.engine.arrays import F32, I64, Tensors
from training.engine.fusion import ALL, BASIC, HIDDEN, Fusion, Shortlist, width_of
from training.engine.workbench import Workbench

_EPOCHS = 40
_BATCH = 64
_RATE = 5e-3
_DECAY = 1e-3
_PATIENCE = 6
_HELD_BACK = 0.2  # of the subjects, to know when to stop


class _Ranker(nn.Module):
    """The trainable twin of Fusion."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.width = features
        self.linear = nn.Linear(features, 1, bias=False)
        self.inner = nn.Linear(features, HIDDEN)
        self.outer = nn.Linear(HIDDEN, 1, bias=False)
        nn.init.normal_(self.outer.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        blended: Tensor = self.linear(x) + self.outer(torch.relu(self.inner(x)))
        return blended[..., 0]


def fit_fusion(
    bench: Workbench,
    lists: list[Shortlist],
    targets: tuple[I64, ...],
    sources: tuple[str, ...],
    candidates: int,
) -> Fusion | None:
    """A ranker from shortlists, with all features, and targets of the same subjects; None if no
    list holds a target."""
    pairs = [(s, np.isin(s.items, t)) for s, t in zip(lists, targets, strict=True)]
    usable = [(short.features, hits) for short, hits in pairs if hits.any()]
    if not usable:
        return None
    every = np.concatenate([features for features, _ in usable])
    mean, scale = every.mean(axis=0), every.std(axis=0) + 1e-3
    exam = _Exam(*_padded(usable, mean, scale), *_parted(bench, len(usable)))
    state, features = _better(bench, exam, len(sources))
    width = width_of(len(sources), features)
    return Fusion(
        sources=sources,
        features=features,
        candidates=candidates,
        mean=mean[:width].astype(np.float32),
        scale=scale[:width].astype(np.float32),
        linear=state["linear.weight"][0],
        inner=state["inner.weight"],
        inner_bias=state["inner.bias"],
        outer=state["outer.weight"][0],
    )


@dataclass(frozen=True)
class _Exam:
    """table: float32 [lists, candidates, columns]; wanted: the share of each target; real: which
    rows hold a candidate; fitted, held: the lists to learn from and those to judge by."""

    table: Tensor
    wanted: Tensor
    real: Tensor
    fitted: Tensor
    held: Tensor

    def losses(self, ranker: "_Ranker", lists: Tensor) -> Tensor:
        """The loss of each of `lists`, of as many columns as the ranker reads."""
        table = self.table[lists][..., : ranker.width]
        scores = ranker(table).masked_fill(~self.real[lists], -1e9)
        return -(torch.log_softmax(scores, dim=1) * self.wanted[lists]).sum(dim=1)


def _better(bench: Workbench, exam: _Exam, sources: int) -> tuple[Tensors, tuple[str, ...]]:
    """The weights of the better ranker and what it is told. With too few people to hold any back,
    and where the lead is within what chance gives, that is the basic features."""
    basic = _fit(bench, exam, width_of(sources, BASIC), "fusion")
    chosen, features = basic, BASIC
    if len(exam.held):
        told = _fit(bench, exam, width_of(sources, ALL), "fusion_features")
        with torch.no_grad():
            lead = exam.losses(basic, exam.held) - exam.losses(told, exam.held)
        if float(lead.mean()) > float(lead.std(correction=0)) / len(lead) ** 0.5:
            chosen, features = told, ALL
    state = {name: value.numpy().copy() for name, value in chosen.state_dict().items()}
    return state, features


def _parted(bench: Workbench, lists: int) -> tuple[Tensor, Tensor]:
    order = torch.from_numpy(np.random.default_rng(bench.seed(41)).permutation(lists))
    held = max(1, int(lists * _HELD_BACK)) if lists >= 10 else 0
    return order[held:], order[:held]


def _padded(
    usable: list[tuple[F32, np.ndarray]], mean: F32, scale: F32
) -> tuple[Tensor, Tensor, Tensor]:
    longest = max(len(features) for features, _ in usable)
    table = np.zeros((len(usable), longest, len(mean)), dtype=np.float32)
    wanted = np.zeros((len(usable), longest), dtype=np.float32)
    real = np.zeros((len(usable), longest), dtype=np.bool_)
    for row, (features, hits) in enumerate(usable):
        table[row, : len(features)] = (features - mean) / scale
        wanted[row, : len(features)] = hits / hits.sum()
        real[row, : len(features)] = True
    return torch.from_numpy(table), torch.from_numpy(wanted), torch.from_numpy(real)


def _fit(bench: Workbench, exam: _Exam, width: int, series: str) -> _Ranker:
    torch.manual_seed(bench.seed(40))
    ranker = _Ranker(width)
    optimizer = torch.optim.AdamW(ranker.parameters(), lr=_RATE, weight_decay=_DECAY)
    watched = exam.held if len(exam.held) else exam.fitted
    best_loss, best_state, misses = float("inf"), ranker.state_dict(), 0
    for epoch in range(_EPOCHS):
        bench.stop.check()
        shuffled = exam.fitted[torch.randperm(len(exam.fitted))]
        for part in torch.split(shuffled, _BATCH):
            loss = exam.losses(ranker, part).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            value = float(exam.losses(ranker, watched).mean())
        bench.progress.metric("loss", series, epoch + 1, value)
        misses = 0 if value < best_loss else misses + 1
        if value < best_loss:
            best_loss = value
            best_state = {name: v.clone() for name, v in ranker.state_dict().items()}
        if misses >= _PATIENCE:
            break
    ranker.load_state_dict(best_state)
    return ranker
