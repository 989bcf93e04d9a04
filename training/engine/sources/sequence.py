"""The sequence model as it is served: one small causal transformer over the last events, in numpy.

Mirrors `training.engine.network` for a single subject without dropout; a test holds the two
together. Item vectors come ready made, so that no language model runs when a request is answered.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import erf

from training.engine.arrays import F32, F64, I64, Settings, Tensors
from training.engine.history import Past
from training.engine.reasons import Cause

GAPS = 18  # buckets of elapsed time: below one hour, then doubling up to about fifteen years
_SUSPECTS = 5  # past items whose removal is tried when a reason is asked for


def bucket(seconds: F64) -> I64:
    """The bucket of an elapsed time, int64 of the same shape."""
    hours = np.maximum(seconds, 0.0) / 3600.0
    return np.minimum(np.floor(np.log2(1.0 + hours)), GAPS - 1).astype(np.int64)


@dataclass(frozen=True)
class Sequence:
    """vector: float32 [items, d]; bias: float32 [items]; weights: the network's tensors by name."""

    vector: F32
    bias: F32
    weights: dict[str, F32]
    heads: int
    length: int

    def score(self, past: Past, now: float) -> F32:
        return self._read(past, now)

    def level(self, scores: F32) -> F32:
        shifted = scores - scores.max()
        return np.asarray(shifted - np.log(np.exp(shifted).sum()), dtype=np.float32)

    def causes(self, past: Past, now: float, items: list[int]) -> list[Cause]:
        """Per item, the past item whose removal lowers its score most, among the most recent
        ones."""
        recent = past.newest(self.length)
        suspects = list(dict.fromkeys(recent.item[::-1].tolist()))[:_SUSPECTS]
        whole = self._read(recent, now)[items]
        drops = np.full((len(suspects), len(items)), -np.inf)
        for row, suspect in enumerate(suspects):
            rest = recent.keep(recent.item != suspect)
            if len(rest):
                drops[row] = whole - self._read(rest, now)[items]
        best = np.argmax(drops, axis=0)
        return [
            Cause("sequence_match", suspects[row] if drops[row, column] > 0.0 else None)
            for column, row in enumerate(best)
        ]

    def tensors(self) -> Tensors:
        net = {f"net.{name}": value for name, value in self.weights.items()}
        return {"vector": self.vector, "bias": self.bias, **net}

    def settings(self) -> Settings:
        return {"heads": self.heads, "length": self.length}

    @cached_property
    def _layers(self) -> int:
        return 1 + max(int(name.split(".")[1]) for name in self.weights if name[:6] == "blocks")

    def _read(self, past: Past, now: float) -> F32:
        """Scores of every item, float32 [items]."""
        past = past.newest(self.length)
        x = self._inputs(past)  # [n, d]
        for layer in range(self._layers - 1):
            x = self._block(f"blocks.{layer}", x, x)
        state = self._block(f"blocks.{self._layers - 1}", x[-1:], x)[0]
        asked = bucket(np.array([now - past.time[-1]]))[0]
        query = self._query(self._norm("last", state), int(asked))  # [d]
        scores = self.vector @ query + self.bias
        np.add.at(scores, past.item, self._pointers(x, query, now - past.time))
        return np.asarray(scores, dtype=np.float32)

    def _inputs(self, past: Past) -> F32:
        w = self.weights
        gaps = bucket(np.diff(past.time, prepend=past.time[0]))
        x = (
            self.vector[past.item]
            + w["kind.weight"][past.type]
            + w["gap.weight"][gaps]
            + w["place.weight"][: len(past)]
            + past.weight[:, None] * w["amount.weight"][:, 0]
        )
        return np.asarray(x, dtype=np.float32)

    def _block(self, name: str, rows: F32, x: F32) -> F32:
        """One layer at the last events `rows` of all events `x`."""
        rows = rows + self._attend(name, rows, x)
        inner = _gelu(self._linear(f"{name}.widen", self._norm(f"{name}.between", rows)))
        return rows + self._linear(f"{name}.narrow", inner)

    def _attend(self, name: str, rows: F32, x: F32) -> F32:
        (count, width), length = rows.shape, len(x)
        parts = (self.heads, width // self.heads)
        normed = self._norm(f"{name}.before", x)
        q = self._linear(f"{name}.ask", normed[length - count :]).reshape(count, *parts)
        offered = self._linear(f"{name}.offer", normed).reshape(length, 2, *parts)
        k, v = offered[:, 0].transpose(1, 2, 0), offered[:, 1].transpose(1, 0, 2)
        weight = q.transpose(1, 0, 2) @ k / np.float32(np.sqrt(parts[1]))  # [heads, count, length]
        weight = np.where(np.tri(count, length, length - count, dtype=np.bool_), weight, -np.inf)
        weight = np.exp(weight - weight.max(axis=-1, keepdims=True))
        weight = weight / weight.sum(axis=-1, keepdims=True)
        joined = (weight @ v).transpose(1, 0, 2).reshape(count, width)
        return self._linear(f"{name}.join", np.asarray(joined, dtype=np.float32))

    def _query(self, state: F32, asked: int) -> F32:
        shifted = state + self.weights["asked.weight"][asked]
        turned = self._linear("turn.2", _gelu(self._linear("turn.0", shifted)))
        return self._norm("query", state + turned)

    def _pointers(self, states: F32, query: F32, ages: F64) -> F32:
        """How strongly the query points back at each past event, float32 [n], never below 0."""
        keys = self._linear("point_key", states)
        aim = self._linear("point_query", query)
        raw = keys @ aim / np.sqrt(len(aim)) + self.weights["point_age.weight"][bucket(ages), 0]
        return np.asarray(np.logaddexp(0.0, raw), dtype=np.float32)

    def _linear(self, name: str, x: F32) -> F32:
        y = x @ self.weights[f"{name}.weight"].T
        bias = self.weights.get(f"{name}.bias")
        return y if bias is None else y + bias

    def _norm(self, name: str, x: F32) -> F32:
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
        y = centred / scale * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return np.asarray(y, dtype=np.float32)


def restore(tensors: Tensors, settings: Settings) -> Sequence:
    return Sequence(
        vector=tensors["vector"],
        bias=tensors["bias"],
        weights={name[4:]: value for name, value in tensors.items() if name.startswith("net.")},
        heads=int(settings["heads"]),
        length=int(settings["length"]),
    )


def _gelu(x: F32) -> F32:
    return np.asarray(0.5 * x * (1.0 + erf(x / np.sqrt(2.0))), dtype=np.float32)
