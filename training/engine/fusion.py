"""Blends the sources: a small ranker over the candidates that the sources themselves bring forward.

Pure numpy, used alike when the ranker is fitted, evaluated and served. It reads per source its
level and the inverse of its rank among the candidates, and some features out of the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.engine.arrays import F32, I64, Mask, Tensors
from training.engine.features.facts import ItemFacts
from training.engine.features.table import FEATURES, columns_of
from training.engine.history import Past
from training.engine.sources.source import Source

HIDDEN = 16
_SHUT = np.float32(-np.inf)
FAR = 6.0  # standard deviations; what lies farther than anything that was fitted counts as this far
_PER_SOURCE = 2
# What a ranker is told now: how much is known of the subject.
BASIC = ("acts", "recency_days")
# All that one may be told; a bundle names what its own reads. A mean hour is no scale.
ALL = (*BASIC, *(name for name in FEATURES if name not in (*BASIC, "usual_hour")))


@dataclass(frozen=True)
class Shortlist:
    """Candidates of one subject. items: int64 [c], rising; features: float32 [c, features]; lowest:
    float32 [sources], each source's lowest level among them."""

    items: I64
    features: F32
    lowest: F32


@dataclass(frozen=True)
class Unmet:
    """Items that nobody had met when the sources learnt, bool [items], and the source that tells
    them apart: a ranker has seen too few of them taken up to do it itself."""

    by: str
    items: Mask


@dataclass(frozen=True)
class Fusion:
    """A ranker: linear plus a hidden layer of HIDDEN units, on standardised features.

    sources, features: names in the order of the columns; candidates: how many each source brings
    forward; unmet: None where the ranker orders all items itself.
    """

    sources: tuple[str, ...]
    features: tuple[str, ...]
    candidates: int
    mean: F32
    scale: F32
    linear: F32
    inner: F32
    inner_bias: F32
    outer: F32
    unmet: Unmet | None = None

    def rate(self, short: Shortlist, scores: Mapping[str, F32]) -> F32:
        """The scores of a shortlist's items, float32 [c]. scores: float32 [items] per source.

        Unmet items keep, as a group, the scores that the ranker gives them; which of them gets
        which follows the source that tells them apart.
        """
        fused = self.score(short.features)
        if self.unmet is not None:
            rows = np.flatnonzero(self.unmet.items[short.items])
            order = np.argsort(-scores[self.unmet.by][short.items[rows]], kind="stable")
            fused[rows[order]] = np.sort(fused[rows])[::-1]
        return fused

    def score(self, features: F32) -> F32:
        """float32 [c, features] -> [c]."""
        x = np.clip((features - self.mean) / self.scale, -FAR, FAR)
        hidden = np.maximum(x @ self.inner.T + self.inner_bias, 0.0)
        return np.asarray(x @ self.linear + hidden @ self.outer, dtype=np.float32)

    def contributions(self, short: Shortlist, rows: I64) -> dict[str, F32]:
        """What each source adds to the scores of `rows`: the score less that without the source, in
        which the source ranks the item nowhere and at the lowest level of this shortlist. All of
        an unmet item's score is due to the source that tells such items apart."""
        whole = short.features[rows]
        full = self.score(whole)
        added = {}
        for index, name in enumerate(self.sources):
            bare = whole.copy()
            bare[:, _PER_SOURCE * index] = short.lowest[index]
            bare[:, _PER_SOURCE * index + 1] = 0.0
            added[name] = full - self.score(bare)
        if self.unmet is not None:
            alone = self.unmet.items[short.items[rows]]
            for name, parts in added.items():
                parts[alone] = full[alone] if name == self.unmet.by else 0.0
        return added

    def tensors(self) -> Tensors:
        """Everything but the names."""
        names = ("mean", "scale", "linear", "inner", "inner_bias", "outer")
        held: Tensors = {name: getattr(self, name) for name in names}
        return held if self.unmet is None else {**held, "unmet": self.unmet.items.astype(np.uint8)}

    @classmethod
    def restore(
        cls,
        tensors: Tensors,
        sources: tuple[str, ...],
        candidates: int,
        features: tuple[str, ...] = BASIC,
        unmet_by: str = "",
    ) -> "Fusion":
        """The ranker from its stored tensors; ValueError for a feature that is not known here.
        unmet_by: the source that tells unmet items apart, if any does."""
        for name in features:
            if name not in FEATURES:
                raise ValueError(f"the ranker reads the feature {name!r}, which is not known here")
        weights = {name: value for name, value in tensors.items() if name != "unmet"}
        unmet = Unmet(unmet_by, tensors["unmet"].astype(np.bool_)) if unmet_by else None
        return cls(
            sources=sources, features=features, candidates=candidates, unmet=unmet, **weights
        )


def width_of(sources: int, features: tuple[str, ...] = BASIC) -> int:
    """How many columns a ranker of so many sources reads."""
    return _PER_SOURCE * sources + len(features)


def shortlist(
    names: tuple[str, ...],
    sources: Mapping[str, Source],
    scores: Mapping[str, F32],
    ranked: Mapping[str, I64],
    past: Past,
    now: float,
    facts: ItemFacts,
    features: tuple[str, ...],
    beside: I64 | None = None,
) -> Shortlist:
    """The candidates of every named source, united, with their features.

    scores: float32 [items] per source; ranked: the `best` of each; beside: items that are on the
    list whatever their rank.
    """
    forward = [ranked[name] for name in names]
    items = np.unique(np.concatenate([*forward, *([] if beside is None else [beside])]))
    columns: list[F32] = []
    lowest: list[float] = []
    for name in names:
        score = scores[name]
        level = sources[name].level(score, items)
        place = np.empty(len(items), dtype=np.int64)
        place[np.argsort(-score[items], kind="stable")] = np.arange(len(items))
        columns += [level, (10.0 / (10.0 + place)).astype(np.float32)]
        lowest.append(float(level.min(initial=0.0)))
    columns += columns_of(features, past, facts, now, items)
    return Shortlist(items, np.stack(columns, axis=1), np.array(lowest, dtype=np.float32))


def best(score: F32, allowed: Mask, count: int) -> I64:
    """Positions of the `count` highest allowed scores, best first, ties by position."""
    masked = np.where(allowed, score, _SHUT)
    count = min(count, int(np.count_nonzero(allowed)))
    if count == 0:
        return np.empty(0, dtype=np.int64)
    edge = np.partition(masked, len(masked) - count)[len(masked) - count]
    inside = (masked >= edge).nonzero()[0]
    order: I64 = inside[np.argsort(-masked[inside], kind="stable")]
    return order[:count]
