"""The sequence model as it is served: one small causal transformer over the last events, in numpy.

Mirrors `training.engine.network` for a single subject without dropout; a test holds the two
together. Item vectors come ready made, so that no language model runs when a request is answered.
"""

import collections.abc
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import erf

from training.engine.arrays import F32, F64, I64, Settings, Tensors
from training.engine.batches import alike
from training.engine.history import Past
from training.engine.reasons import Cause

SHUT = -1e9  # what an item gains that is never offered
GAPS = 18  # buckets of elapsed time: below one hour, then doubling up to about fifteen years
_EVENTS_AT_ONCE = 2_048  # of several pasts that are read together
_SUSPECTS = 5  # past items whose removal is tried when a reason is asked for


def bucket(seconds: F64) -> I64:
    """The bucket of an elapsed time, int64 of the same shape."""
    hours = np.maximum(seconds, 0.0) / 3600.0
    return np.minimum(np.floor(np.log2(1.0 + hours)), GAPS - 1).astype(np.int64)


@dataclass(frozen=True)
class _Read:
    """Several pasts, read. item: int64 [pasts, n]; query: float32 [pasts, d]; pointers: float32
    [pasts, n], 0 behind a past's end."""

    item: I64
    query: F32
    pointers: F32


@dataclass(frozen=True)
class Sequence:
    """vector: float32 [items, d]; bias: float32 [items]; weights: the network's tensors by name."""

    vector: F32
    bias: F32
    weights: dict[str, F32]
    heads: int
    length: int

    def score(self, past: Past, now: float) -> F32:
        read = self._read([past.newest(self.length)], now)
        scores = self.vector @ read.query[0] + self.bias
        np.add.at(scores, read.item[0], read.pointers[0])
        return np.asarray(scores, dtype=np.float32)

    def score_all(self, pasts: collections.abc.Sequence[Past], now: float) -> F32:
        recent = [past.newest(self.length) for past in pasts]
        scores = np.empty((len(pasts), len(self.vector)), dtype=np.float32)
        for rows in alike(np.array([len(past) for past in recent]), _EVENTS_AT_ONCE):
            read = self._read([recent[row] for row in rows], now)
            part = read.query @ self.vector.T + self.bias
            # Behind a past's end the pointers are 0.
            np.add.at(part, (np.arange(len(rows))[:, None], read.item), read.pointers)
            scores[rows] = part
        return scores

    def level(self, scores: F32, items: I64) -> F32:
        most = scores.max()
        whole = most + np.log(np.exp(scores - most).sum())
        return np.asarray(scores[items] - whole, dtype=np.float32)

    def causes(self, past: Past, now: float, items: list[int]) -> list[Cause]:
        """Per item, the past item whose removal lowers its score most, among the most recent
        ones."""
        recent = past.newest(self.length)
        suspects = list(dict.fromkeys(recent.item[::-1].tolist()))[:_SUSPECTS]
        rests = [recent.keep(recent.item != suspect) for suspect in suspects]
        known = [row for row, rest in enumerate(rests) if len(rest)]
        whole, *without = self._scores([recent, *(rests[row] for row in known)], now, items)
        drops = np.full((len(suspects), len(items)), -np.inf)
        for row, scores in zip(known, without, strict=True):
            drops[row] = whole - scores
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

    def _scores(self, pasts: list[Past], now: float, items: list[int]) -> F32:
        """Scores of some items for each of several pasts in one pass, float32 [pasts, items]."""
        read = self._read(pasts, now)
        scores = read.query @ self.vector[items].T + self.bias[items]
        pointed = read.item[:, :, None] == np.array(items)
        return np.asarray(scores + (read.pointers[:, :, None] * pointed).sum(axis=1))

    def _read(self, pasts: list[Past], now: float) -> "_Read":
        """Read pasts of one event or more, none longer than `length`. Shorter ones are filled up
        behind their end, which nothing in front of it sees.
        """
        counts = np.array([len(past) for past in pasts])
        width = int(counts.max())
        inside = np.arange(width) < counts[:, None]  # [pasts, n]
        item, kind, weight, time = (
            _filled([getattr(past, name) for past in pasts], width)
            for name in ("item", "type", "weight", "time")
        )
        x = self._inputs(item, kind, weight, time)  # [pasts, n, d]
        everywhere = np.broadcast_to(np.arange(width), inside.shape)
        for layer in range(self._layers - 1):
            x = self._block(f"blocks.{layer}", everywhere, x)
        last = counts[:, None] - 1
        state = self._block(f"blocks.{self._layers - 1}", last, x)[:, 0]
        ages = now - time
        asked = bucket(np.take_along_axis(ages, last, axis=1)[:, 0])
        query = self._query(self._norm("last", state), asked)  # [pasts, d]
        return _Read(item, query, np.where(inside, self._pointers(x, query, ages), 0.0))

    def _inputs(self, item: I64, kind: I64, weight: F32, time: F64) -> F32:
        w = self.weights
        gaps = bucket(np.diff(time, axis=1, prepend=time[:, :1]))
        x = (
            self.vector[item]
            + w["kind.weight"][kind]
            + w["gap.weight"][gaps]
            + w["place.weight"][: item.shape[1]]
            + weight[:, :, None] * w["amount.weight"][:, 0]
        )
        return np.asarray(x, dtype=np.float32)

    def _block(self, name: str, at: I64, x: F32) -> F32:
        """One layer at the events `at`, int64 [pasts, r], of all events `x`: [pasts, r, d]."""
        rows = np.take_along_axis(x, at[:, :, None], axis=1)
        rows = rows + self._attend(name, at, x)
        inner = _gelu(self._linear(f"{name}.widen", self._norm(f"{name}.between", rows)))
        return rows + self._linear(f"{name}.narrow", inner)

    def _attend(self, name: str, at: I64, x: F32) -> F32:
        (pasts, length, width), count = x.shape, at.shape[1]
        parts = (self.heads, width // self.heads)
        normed = self._norm(f"{name}.before", x)
        asking = np.take_along_axis(normed, at[:, :, None], axis=1)
        q = self._linear(f"{name}.ask", asking).reshape(pasts, count, *parts)
        offered = self._linear(f"{name}.offer", normed).reshape(pasts, length, 2, *parts)
        k, v = offered[:, :, 0].transpose(0, 2, 3, 1), offered[:, :, 1].transpose(0, 2, 1, 3)
        # [pasts, heads, count, length]
        weight = q.transpose(0, 2, 1, 3) @ k / np.float32(np.sqrt(parts[1]))
        seen = np.arange(length) <= at[:, None, :, None]
        weight = np.where(seen, weight, np.float32(-np.inf))
        weight = np.exp(weight - weight.max(axis=-1, keepdims=True))
        weight = weight / weight.sum(axis=-1, keepdims=True)
        joined = (weight @ v).transpose(0, 2, 1, 3).reshape(pasts, count, width)
        return self._linear(f"{name}.join", np.asarray(joined, dtype=np.float32))

    def _query(self, state: F32, asked: I64) -> F32:
        shifted = state + self.weights["asked.weight"][asked]
        turned = self._linear("turn.2", _gelu(self._linear("turn.0", shifted)))
        return self._norm("query", state + turned)

    def _pointers(self, states: F32, query: F32, ages: F64) -> F32:
        """How strongly each query points back at each past event: [pasts, n], never below 0; SHUT
        where what was met is never offered again."""
        if "point_age.weight" not in self.weights:
            return np.full(ages.shape, SHUT, dtype=np.float32)
        keys = self._linear("point_key", states)
        aim = self._linear("point_query", query)
        raw = (keys @ aim[:, :, None])[:, :, 0] / np.sqrt(aim.shape[1])
        raw = raw + self.weights["point_age.weight"][bucket(ages), 0]
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


def _filled(rows: list[Any], width: int) -> Any:
    """Rows of different lengths as one array [rows, n], the last value of each repeated."""
    out = np.empty((len(rows), width), dtype=rows[0].dtype)
    for line, row in zip(out, rows, strict=True):
        line[: len(row)], line[len(row) :] = row, row[-1]
    return out


def _gelu(x: F32) -> F32:
    return np.asarray(0.5 * x * (1.0 + erf(x / np.sqrt(2.0))), dtype=np.float32)
