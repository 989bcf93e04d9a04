"""Fits the ranker on shortlists of the fusion window by a listwise softmax. Sees no other
window."""

import numpy as np
import torch
from torch import Tensor, nn

from training.engine.arrays import F32, I64
from training.engine.fusion import BASIC, FAR, HIDDEN, Fusion, Shortlist
from training.engine.workbench import Workbench

_EPOCHS = 40
_BATCH = 64
_RATE = 5e-3
_DECAY = 1e-3
_PATIENCE = 6
_STILL, _IGNORED = 0.01, 1e6  # spread of a feature that does not vary; the scale that mutes it
_HELD_BACK = 0.2  # of the subjects, to know when to stop


class _Ranker(nn.Module):
    """The trainable twin of Fusion."""

    def __init__(self, features: int) -> None:
        super().__init__()
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
    """A ranker from shortlists and targets of the same subjects; None if no list holds a target."""
    pairs = [(s, np.isin(s.items, t)) for s, t in zip(lists, targets, strict=True)]
    usable = [(short.features, hits) for short, hits in pairs if hits.any()]
    if not usable:
        return None
    every = np.concatenate([features for features, _ in usable])
    mean, spread = every.mean(axis=0), every.std(axis=0)
    # What stood still here says nothing, and would say very much where it moves.
    scale = np.where(spread < _STILL, _IGNORED, spread + 1e-3).astype(np.float32)
    table, wanted, real = _padded(usable, mean, scale)
    torch.manual_seed(bench.seed(40))
    ranker = _Ranker(every.shape[1])
    order = torch.from_numpy(np.random.default_rng(bench.seed(41)).permutation(len(usable)))
    held = max(1, int(len(order) * _HELD_BACK)) if len(order) >= 10 else 0
    _fit(bench, ranker, table, wanted, real, order[held:], order[:held])
    state = {name: value.numpy().copy() for name, value in ranker.state_dict().items()}
    return Fusion(
        sources=sources,
        features=BASIC,
        candidates=candidates,
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        linear=state["linear.weight"][0],
        inner=state["inner.weight"],
        inner_bias=state["inner.bias"],
        outer=state["outer.weight"][0],
    )


def _padded(
    usable: list[tuple[F32, np.ndarray]], mean: F32, scale: F32
) -> tuple[Tensor, Tensor, Tensor]:
    longest = max(len(features) for features, _ in usable)
    table = np.zeros((len(usable), longest, len(mean)), dtype=np.float32)
    wanted = np.zeros((len(usable), longest), dtype=np.float32)
    real = np.zeros((len(usable), longest), dtype=np.bool_)
    for row, (features, hits) in enumerate(usable):
        table[row, : len(features)] = np.clip((features - mean) / scale, -FAR, FAR)
        wanted[row, : len(features)] = hits / hits.sum()
        real[row, : len(features)] = True
    return torch.from_numpy(table), torch.from_numpy(wanted), torch.from_numpy(real)


def _fit(
    bench: Workbench,
    ranker: _Ranker,
    table: Tensor,
    wanted: Tensor,
    real: Tensor,
    fitted: Tensor,
    held: Tensor,
) -> None:
    optimizer = torch.optim.AdamW(ranker.parameters(), lr=_RATE, weight_decay=_DECAY)
    best_loss, best_state, misses = float("inf"), ranker.state_dict(), 0
    for epoch in range(_EPOCHS):
        bench.stop.check()
        shuffled = fitted[torch.randperm(len(fitted))]
        for part in torch.split(shuffled, _BATCH):
            loss = _loss(ranker, table[part], wanted[part], real[part])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            watched = held if len(held) else fitted
            value = float(_loss(ranker, table[watched], wanted[watched], real[watched]))
        bench.progress.metric("loss", "fusion", epoch + 1, value)
        misses = 0 if value < best_loss else misses + 1
        if value < best_loss:
            best_loss = value
            best_state = {name: v.clone() for name, v in ranker.state_dict().items()}
        if misses >= _PATIENCE:
            break
    ranker.load_state_dict(best_state)


def _loss(ranker: _Ranker, table: Tensor, wanted: Tensor, real: Tensor) -> Tensor:
    scores = ranker(table).masked_fill(~real, -1e9)
    return -(torch.log_softmax(scores, dim=1) * wanted).sum(dim=1).mean()
