"""The sequence model as it is trained: item vectors from text and identity, a causal transformer, a
query made at the moment of asking, and a pointer back at the subject's own events.

Holds no parameter of any subject. Shapes: B sequences, L events, K questions per sequence, d width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.engine.sources.sequence import GAPS, SHUT

NO_TARGET = -100  # of a place that asks nothing; torch's cross-entropy passes over it
_SMALL = 0.02  # deviation of weights at the start: what an item is must not drown in the stream
_APART = 0.05  # of identities that no text helps to tell apart


@dataclass(frozen=True)
class NetShape:
    """Sizes that the network is built from; text = 0 leaves the items' texts out. Without `repeats`
    nobody is offered what it has met, and the network has no pointers at it."""

    items: int
    text: int
    types: int
    dim: int
    layers: int
    heads: int
    length: int
    dropout: float
    repeats: bool = True


@dataclass(frozen=True)
class Batch:
    """Sequences and questions about them.

    item, type, gap: int64 [B, L], padded behind the last event; amount: float32 [B, L]; place:
    int64 [B, K], the event after which a question is asked; asked: int64 [B, K], bucket of the time
    since; age: int64 [B, K, L], bucket of each event's age when asked; target: int64 [B, K],
    NO_TARGET where a sequence has fewer questions than others.
    """

    item: Tensor
    type: Tensor
    gap: Tensor
    amount: Tensor
    place: Tensor
    asked: Tensor
    age: Tensor
    target: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})

    def rows(self, which: slice) -> "Batch":
        """Some of its sequences with their questions."""
        return Batch(**{name: value[which] for name, value in vars(self).items()})


class Block(nn.Module):
    """One pre-norm causal transformer layer; the last one answers at the asked places only."""

    def __init__(self, shape: NetShape) -> None:
        super().__init__()
        self.heads, self.dropout = shape.heads, shape.dropout
        self.before, self.between = nn.LayerNorm(shape.dim), nn.LayerNorm(shape.dim)
        self.ask = nn.Linear(shape.dim, shape.dim)
        self.offer = nn.Linear(shape.dim, 2 * shape.dim)
        self.join = nn.Linear(shape.dim, shape.dim)
        self.widen = nn.Linear(shape.dim, 2 * shape.dim)
        self.narrow = nn.Linear(2 * shape.dim, shape.dim)
        self.drop = nn.Dropout(shape.dropout)

    def forward(self, x: Tensor, place: Tensor | None = None) -> Tensor:
        """x [B, L, d] -> [B, L, d], or [B, K, d] at place [B, K]."""
        rows = x if place is None else x.gather(1, place[..., None].expand(-1, -1, x.shape[-1]))
        rows = rows + self.drop(self.join(self._attend(rows, x, place)))
        raised: Tensor = rows + self.drop(self.narrow(F.gelu(self.widen(self.between(rows)))))
        return raised

    def _attend(self, rows: Tensor, x: Tensor, place: Tensor | None) -> Tensor:
        q = self._split(self.ask(self.before(rows)))
        k, v = (self._split(part) for part in self.offer(self.before(x)).chunk(2, dim=-1))
        mask = None if place is None else reachable(place, x.shape[1])[:, None]
        joined = F.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=place is None,
        )
        flat: Tensor = joined.transpose(1, 2).flatten(2)
        return flat

    def _split(self, x: Tensor) -> Tensor:
        """[B, N, d] -> [B, heads, N, d / heads]."""
        batch, count, width = x.shape
        return x.view(batch, count, self.heads, width // self.heads).transpose(1, 2)


class Network(nn.Module):
    """Scores items for the questions of a batch. `met` marks the items that training has events
    of."""

    met: Tensor

    def __init__(self, shape: NetShape, met: Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.text = nn.Linear(shape.text, shape.dim, bias=False) if shape.text else None
        self.identity = nn.Embedding(shape.items, shape.dim)
        self.bias = nn.Parameter(torch.zeros(shape.items))
        self.kind = nn.Embedding(shape.types + 1, shape.dim)
        self.gap = nn.Embedding(GAPS, shape.dim)
        self.place = nn.Embedding(shape.length, shape.dim)
        self.amount = nn.Linear(1, shape.dim, bias=False)
        self.asked = nn.Embedding(GAPS, shape.dim)
        self.blocks = nn.ModuleList([Block(shape) for _ in range(shape.layers)])
        self.last, self.query = nn.LayerNorm(shape.dim), nn.LayerNorm(shape.dim)
        self.turn = nn.Sequential(
            nn.Linear(shape.dim, shape.dim), nn.GELU(), nn.Linear(shape.dim, shape.dim)
        )
        if shape.repeats:
            self.point_key = nn.Linear(shape.dim, shape.dim)
            self.point_query = nn.Linear(shape.dim, shape.dim)
            self.point_age = nn.Embedding(GAPS, 1)
        self.drop = nn.Dropout(shape.dropout)
        self.register_buffer("met", met.float())
        self._start()

    def _start(self) -> None:
        for part in self.modules():
            if isinstance(part, nn.Linear | nn.Embedding):
                nn.init.normal_(part.weight, std=_SMALL)
            if isinstance(part, nn.Linear) and part.bias is not None:
                nn.init.zeros_(part.bias)
        if self.shape.repeats:
            nn.init.constant_(self.point_age.weight, -2.0)
        nn.init.zeros_(self.amount.weight)  # the same for most events, so it tells little
        if self.text is None:
            nn.init.normal_(self.identity.weight, std=_APART)
        else:
            nn.init.normal_(self.text.weight, std=0.01)

    def meet(self, items: Tensor) -> None:
        """From now on training has events of these items too, int64 [n]."""
        self.met[items.to(self.met.device)] = 1.0

    def vectors(self, text: Tensor | None) -> Tensor:
        """Item vectors [items, d] from text vectors [items, text] and the identity of met items.

        While training, one identity in ten is left out, so that text learns to stand alone.
        """
        known = self.met
        if self.training and self.text is not None:
            known = known * (torch.rand_like(known) >= 0.1)
        residual = self.identity.weight * known[:, None]
        if self.text is None or text is None:
            return residual
        mapped: Tensor = self.text(text)
        return mapped + residual

    def queries(self, batch: Batch, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Queries [B, K, d] and what the items of past events gain [B, K, L], 0 where an event lies
        behind the question: what points at them, or SHUT where none may come again. Who learnt
        against what is never offered would spend most of its steps on telling that apart."""
        x = F.embedding(batch.item, vectors) + self.kind(batch.type) + self.gap(batch.gap)
        x = x + self.place.weight[: x.shape[1]] + self.amount(batch.amount[..., None])
        x = self.drop(x)
        *lower, upper = self.blocks
        for block in lower:
            x = block(x)
        state = self.last(upper(x, batch.place))  # [B, K, d]
        query = self.query(state + self.turn(state + self.asked(batch.asked)))
        reach = reachable(batch.place, x.shape[1])
        if not self.shape.repeats:
            other = batch.item[:, None, :] != batch.target[..., None]
            return query, SHUT * (reach & other).float()
        keys, aim = self.point_key(x), self.point_query(query)
        raw = aim @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5
        raw = raw + self.point_age(batch.age)[..., 0]
        return query, F.softplus(raw.float()) * reach

    def scores(
        self, batch: Batch, vectors: Tensor, columns: Tensor | None, shift: Tensor | None = None
    ) -> Tensor:
        """Scores of the items in `columns` (int64 [C], distinct; all items where it is None), each
        moved by its `shift` [C], [B, K, C]."""
        query, pointers = self.queries(batch, vectors)
        bias: Tensor = self.bias
        offered, slot = vectors, batch.item
        if columns is not None:
            bias, offered = self.bias[columns], vectors[columns]
            slot = slots(columns, self.shape.items)[batch.item]
        # In place where that is safe: these arrays are what a step costs.
        base = (query @ offered.T).float().add_(bias if shift is None else bias + shift)
        # Pointers at items outside the columns add nothing, wherever they point.
        there = (slot < len(offered))[:, None, :]
        where = slot.clamp(max=len(offered) - 1)[:, None, :].expand(-1, query.shape[1], -1)
        return base.scatter_add_(2, where, pointers * there)

    def bias_for_all(self) -> Tensor:
        """The items' bias [items]; an item without events gets that of the rarest tenth."""
        met = self.met > 0
        if not bool(met.any()):
            return self.bias.detach()
        low = torch.quantile(self.bias.detach()[met], 0.1)
        return torch.where(met, self.bias.detach(), low)


def slots(columns: Tensor, items: int) -> Tensor:
    """Where each item stands among `columns`, int64 [items]; len(columns) for one that does not."""
    places = torch.full((items,), len(columns), device=columns.device)
    places[columns] = torch.arange(len(columns), device=columns.device)
    return places


def reachable(place: Tensor, length: int) -> Tensor:
    """Which of `length` events a question after event `place` [B, K] may see, bool [B, K,
    length]."""
    return torch.arange(length, device=place.device) <= place[..., None]
