"""A published version as it answers: loads an artifact and ranks items for one subject's history.

Pure numpy and thread-safe: nothing changes after loading. Tensors are mapped from the files, so the
folder must stay as it is while a bundle is in use. Knows no tenant and stores nothing about
subjects.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.engine.answers import Ranked, listed, varied
from training.engine.arrays import F32, F64, I64, Mask, Tensors
from training.engine.explaining import leading_causes, resting_on, weightiest
from training.engine.features.facts import ItemFacts
from training.engine.fusion import BASIC, Fusion, Shortlist, best, shortlist
from training.engine.history import History, Past, settle
from training.engine.probability import Calibration
from training.engine.reasons import Cause, Reason
from training.engine.sealed import Damaged, read_sealed
from training.engine.sources import SOURCES
from training.engine.sources.source import Source
from training.engine.tensors import open_tensors

CATALOGUE_FILE = "catalogue.safetensors"
FUSION_FILE = "fusion.safetensors"
Available = frozenset[int] | set[int] | Mask
Between = Callable[[], object]


@dataclass(frozen=True)
class Bundle:
    """items: public item numbers, int64 [items], rising; facts: what features know of these items;
    serves: the name of what answers; calibration: of its levels, None where none was fitted."""

    manifest: dict[str, Any]
    items: I64
    facts: ItemFacts
    sources: dict[str, Source]
    fusion: Fusion | None
    serves: str
    popular_name: str
    types: tuple[str, ...]
    repeats: bool
    history_limit: int
    nbytes: int
    calibration: Calibration | None = None

    @classmethod
    def load(cls, path: Path | str, *, verify: bool = True) -> "Bundle":
        """Open an artifact folder. Raises training.engine.sealed.Damaged if it is not whole or was
        made by a release that knows features which this one does not."""
        folder = Path(path)
        manifest = read_sealed(folder, verify=verify)
        serving = manifest["serving"]
        tensors = {line["name"]: open_tensors(folder / line["file"]) for line in serving["sources"]}
        catalogue = open_tensors(folder / CATALOGUE_FILE)
        fusion = _fusion(folder, serving["fusion"])
        held: list[Tensors] = [catalogue, *tensors.values(), fusion.tensors() if fusion else {}]
        return cls(
            manifest=manifest,
            items=catalogue["items"],
            facts=ItemFacts.restore(catalogue, len(catalogue["items"])),
            sources={
                line["name"]: SOURCES[line["name"]].restore(tensors[line["name"]], line["settings"])
                for line in serving["sources"]
            },
            fusion=fusion,
            serves=manifest["serves"],
            popular_name=serving["popular"],
            types=tuple(serving["types"]),
            repeats=bool(serving["repeats"]),
            history_limit=int(serving["history_limit"]),
            nbytes=sum(array.nbytes for group in held for array in group.values()),
            calibration=Calibration.told(manifest.get("probability")),
        )

    @property
    def days(self) -> float | None:
        """How long after an answer an act counts in its probabilities, None without any."""
        return self.calibration.days if self.calibration else None

    def recommend(
        self,
        history: History,
        *,
        now: float,
        limit: int,
        exclude: frozenset[int] = frozenset(),
        available: Available | None = None,
        between: Between = bool,
        explain: bool = False,
    ) -> list[Ranked]:
        """The best `limit` items for this history at `now` (epoch seconds), best first.

        Events on unknown items and from after `now` are ignored; without any known event the answer
        is the popular list. available: public numbers, or a mask over `items`; None for all.
        between: called between two steps, so that who ranks for many can let another go first.
        explain: also on which item of the past each rests, which takes two to three times as long.
        """
        past = settle(
            history, catalogue=self.items, types=self.types, now=now, limit=self.history_limit
        )
        if len(past) == 0:
            return self.popular(now=now, limit=limit, exclude=exclude, available=available)
        allowed = self._allowed(exclude, available)
        if not self.repeats:
            allowed[past.item] = False
        if self.fusion is not None:
            return self._fused(self.fusion, past, now, limit, allowed, between, explain)
        return self._single(past, now, limit, allowed, explain)

    def popular(
        self,
        *,
        now: float,
        limit: int,
        exclude: frozenset[int] = frozenset(),
        available: Available | None = None,
    ) -> list[Ranked]:
        """What everybody took up lately, best first; the same for every subject."""
        source = self.sources[self.popular_name]
        nobody = Past.empty()
        scores = source.score(nobody, now)
        order = best(scores, self._allowed(exclude, available) & (scores > 0), limit)
        causes = source.causes(nobody, now, order.tolist())
        return self._ranked(order, scores[order], causes, {self.popular_name: scores[order]})

    def with_sources(self, sources: Mapping[str, Source]) -> "Bundle":
        """The same version with these sources in the place of its own of their names."""
        return replace(self, sources={**self.sources, **sources})

    def varied(self, ranked: Sequence[Ranked], trade: float) -> list[Ranked]:
        """The same items in an order that counts how unlike they are: trade 0 keeps the order, 1
        looks at variety alone. As they are where nothing tells how alike items are."""
        return varied(ranked, self.items, self.sources, trade)

    def score_of(
        self, history: History, item: int, *, now: float, available: Available | None = None
    ) -> float:
        """The score that `recommend` gives an item (public number) for this history, whatever its
        rank. Needs a history with some known event."""
        return self.scores_of([history], item, now=now, available=available)[0]

    def scores_of(
        self,
        histories: Sequence[History],
        item: int,
        *,
        now: float,
        available: Available | None = None,
    ) -> list[float]:
        """`score_of` for several histories, in fewer and larger sums."""
        pasts = [
            settle(each, catalogue=self.items, types=self.types, now=now, limit=self.history_limit)
            for each in histories
        ]
        place = np.searchsorted(self.items, [item])
        allowed = self._allowed(frozenset(), available)
        return [float(score) for score in self._scores(pasts, now, place, allowed)[:, 0]]

    def _single(
        self, past: Past, now: float, limit: int, allowed: Mask, explain: bool
    ) -> list[Ranked]:
        source = self.sources[self.serves]
        scores = source.score(past, now)
        order = best(scores, allowed, limit)
        likely = self._likely(source.level(scores, order), past, now)
        causes, added = source.causes(past, now, order.tolist()), {self.serves: scores[order]}
        if not explain:
            return self._ranked(order, scores[order], causes, added, likely)
        told = {self.serves: causes}
        rests_on = self._rests_on(past, now, allowed, told, order, scores[order])
        return self._ranked(order, scores[order], causes, added, likely, rests_on)

    def _fused(
        self,
        fusion: Fusion,
        past: Past,
        now: float,
        limit: int,
        allowed: Mask,
        between: Between,
        explain: bool,
    ) -> list[Ranked]:
        scores = {}
        for name in fusion.sources:
            scores[name] = self.sources[name].score(past, now)
            between()
        short = self._shortlist(fusion, scores, past, now, allowed, max(limit, fusion.candidates))
        between()
        fused = fusion.rate(short, scores)
        rows = np.argsort(-fused, kind="stable")[:limit]
        whole = fused
        if limit > fusion.candidates:  # levels are measured among as many as when it was fitted
            usual = [best(scores[name], allowed, fusion.candidates) for name in fusion.sources]
            whole = fused[np.isin(short.items, np.concatenate(usual))]
        likely = self._likely(fused[rows] - np.logaddexp.reduce(whole), past, now)
        added = fusion.contributions(short, rows)
        order = short.items[rows]
        between()
        if not explain:
            causes = leading_causes(self.sources, past, now, order, added, between)
            return self._ranked(order, fused[rows], causes, added, likely)
        told = {
            name: self.sources[name].causes(past, now, order.tolist()) for name in fusion.sources
        }
        rests_on = self._rests_on(past, now, allowed, told, order, fused[rows])
        causes = weightiest(told, added, rests_on)
        return self._ranked(order, fused[rows], causes, added, likely, rests_on)

    def _rests_on(
        self,
        past: Past,
        now: float,
        allowed: Mask,
        causes: dict[str, list[Cause]],
        order: I64,
        whole: F32,
    ) -> list[int | None]:
        def scores(pasts: Sequence[Past], items: I64) -> F32:
            return self._scores(pasts, now, items, allowed)

        return resting_on(scores, past, causes, order, whole)

    def _scores(self, pasts: Sequence[Past], now: float, items: I64, allowed: Mask) -> F32:
        """Scores of some items for several pasts, float32 [pasts, items]."""
        fusion = self.fusion
        if fusion is None:
            return self.sources[self.serves].score_all(pasts, now)[:, items]
        every = {name: self.sources[name].score_all(pasts, now) for name in fusion.sources}
        lines = []
        for row, past in enumerate(pasts):
            scores = {name: rows[row] for name, rows in every.items()}
            short = self._shortlist(fusion, scores, past, now, allowed, fusion.candidates, items)
            place = np.searchsorted(short.items, items)
            lines.append(fusion.rate(short, scores)[place])
        return np.stack(lines)

    def _shortlist(
        self,
        fusion: Fusion,
        scores: Mapping[str, F32],
        past: Past,
        now: float,
        allowed: Mask,
        candidates: int,
        beside: I64 | None = None,
    ) -> Shortlist:
        ranked = {name: best(scores[name], allowed, candidates) for name in fusion.sources}
        return shortlist(
            fusion.sources,
            self.sources,
            scores,
            ranked,
            past,
            now,
            self.facts,
            fusion.features,
            beside,
        )

    def _ranked(
        self,
        order: I64,
        scores: F32,
        causes: list[Cause],
        added: dict[str, F32],
        likely: F64 | None = None,
        rests_on: Sequence[int | None] = (),
    ) -> list[Ranked]:
        return listed(self.items, order, scores, causes, added, likely, rests_on)

    def _likely(self, levels: F32, past: Past, now: float) -> F64 | None:
        """Probabilities of items at these levels, None where the version tells none."""
        return self.calibration.of_subject(levels, past, now) if self.calibration else None

    def _allowed(self, exclude: frozenset[int], available: Available | None) -> Mask:
        if available is None:
            allowed = np.ones(len(self.items), dtype=np.bool_)
        elif isinstance(available, np.ndarray):
            allowed = available.copy()
        else:
            allowed = np.isin(self.items, list(available))
        if exclude:
            allowed &= ~np.isin(self.items, list(exclude))
        return allowed


def _fusion(folder: Path, stated: dict[str, Any] | None) -> Fusion | None:
    if stated is None:
        return None
    tensors = open_tensors(folder / FUSION_FILE)
    names, count = tuple(stated["sources"]), int(stated["candidates"])
    told = tuple(stated.get("features", BASIC)), str(stated.get("unmet_by", ""))
    try:
        return Fusion.restore(tensors, names, count, *told)
    except ValueError as cause:
        raise Damaged(f"{folder.name}: {cause}") from cause


__all__ = ["FUSION_FILE", "Bundle", "History", "Ranked", "Reason"]
