"""How what serves does by declared groups: quality by groups of people, exposure by those of items.

Exposure follows Singh and Joachims, "Fairness of Exposure in Rankings" (KDD 2018): a place counts
as 1 / log2(1 + place), what DCG takes its chance of being seen for, and a group should get as much
of it as its merit. Merit is here what people then took up. Both are shares per person, averaged
over people, so that nobody weighs more for taking up more.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from training.engine.arrays import F64, I64, Mask
from training.engine.evaluate import TOP, Judged, Reader
from training.engine.groups import NONE, Groups
from training.engine.split import Cases
from training.engine.tasks.recommendation.units import WINDOW

# A group of fewer people or items tells of single ones.
SMALLEST_GROUP = 10
DRAWS = 1_000
_SEEN = 1.0 / np.log2(np.arange(2, TOP + 2))


@dataclass(frozen=True)
class Parted:
    """One measure by groups. names: of every group; counts: int64 [groups], people or items;
    shown: bool [groups], who is not left out; values: per ranking float64 [groups]; chance: how
    often mere chance would part the shown groups as widely as what serves does, of 1."""

    names: tuple[str, ...]
    counts: I64
    shown: Mask
    values: dict[str, F64]
    chance: float

    def of(self, ranking: str) -> dict[str, float]:
        """Value by name of the shown groups; {} for a ranking of which nothing is told."""
        values = self.values.get(ranking)
        if values is None:
            return {}
        return {self.names[g]: round(float(values[g]), 5) for g in np.flatnonzero(self.shown)}


def groups_record(
    groups: Groups | None, reader: Reader, judged: Judged, serves: str, *, seed: int
) -> dict[str, Any] | None:
    """What the manifest tells; None where no groups were declared.

    quality and exposure: group -> count and value of what serves, groups that are too small left
    out, and counted in too_few (the name of a group of one may be that one's); chance: see
    `Parted`; sources: the values of every ranking.
    """
    if groups is None:
        return None
    parted = {
        "quality": part_quality(groups, reader, judged, serves, seed=seed),
        "exposure": part_exposure(groups, reader, judged, serves, seed=seed),
    }
    return {
        "window": WINDOW,
        "smallest": SMALLEST_GROUP,
        "keys": {"quality": groups.subjects.key, "exposure": groups.items.key},
        **{measure: _lines(one, serves) for measure, one in parted.items()},
        "too_few": {measure: int(np.count_nonzero(~one.shown)) for measure, one in parted.items()},
        "chance": {measure: round(one.chance, 4) for measure, one in parted.items()},
        "sources": {
            name: {measure: one.of(name) for measure, one in parted.items()}
            for name in judged.figures
        },
    }


def _lines(one: Parted, serves: str) -> dict[str, dict[str, float]]:
    counts = {one.names[g]: int(one.counts[g]) for g in np.flatnonzero(one.shown)}
    return {name: {"count": counts[name], "value": value} for name, value in one.of(serves).items()}


def part_quality(
    groups: Groups, reader: Reader, judged: Judged, serves: str, *, seed: int
) -> Parted:
    """NDCG@10 by the group that each person was in when the window began."""
    names = groups.subjects.names
    codes = groups.of_subjects(reader.cases.subjects, reader.cases.window.start)
    counts = _counted(codes, len(names))
    shown = _without_rest(counts, len(codes))
    values = {name: _means(judged.ndcg(name), codes, counts) for name in judged.figures}
    chance = _shuffled(judged.ndcg(serves), codes, shown, seed)
    return Parted(names, counts, shown, values, chance)


def part_exposure(
    groups: Groups, reader: Reader, judged: Judged, serves: str, *, seed: int
) -> Parted:
    """Share of exposure in ten places less share of what was taken up, by groups of items.

    Items of no group take their part of the whole and are not shown; a group is as large as its
    items on offer. Nothing is told of a ranking that filled places for fewer than SMALLEST_GROUP.
    """
    names = groups.items.names
    counts = _counted(groups.item[reader.cases.candidates], len(names))
    leads = {name: _leads(groups, reader.cases, tops) for name, tops in judged.tops.items()}
    values = {
        name: lead.mean(axis=0) for name, lead in leads.items() if len(lead) >= SMALLEST_GROUP
    }
    shown = (counts >= SMALLEST_GROUP) & (serves in values)
    return Parted(names, counts, shown, values, _turned(leads[serves][:, shown], seed))


def _leads(groups: Groups, cases: Cases, tops: I64) -> F64:
    """Per person for whom a place was filled, float64 [people, groups]: the groups' shares of the
    exposure less their shares of what the person took up."""
    many = len(groups.items.names)
    found = np.zeros((len(cases), many))
    for index, (top, taken) in enumerate(zip(tops, cases.targets, strict=True)):
        filled = int((top != NONE).sum())
        if filled:
            found[index] = _shares(groups.item[top[:filled]], many, _SEEN[:filled])
            found[index] -= _shares(groups.item[taken], many)
    placed: F64 = found[tops[:, 0] != NONE]
    return placed


def _counted(codes: I64, groups: int) -> I64:
    return np.bincount(codes[codes != NONE], minlength=groups).astype(np.int64)


def _without_rest(counts: I64, people: int) -> Mask:
    """Which groups may be shown. Where those left out were so few that their figure would follow
    from the others', the smallest group that would be shown is left out with them."""
    shown: Mask = counts >= SMALLEST_GROUP
    while shown.any() and 0 < people - counts[shown].sum() < SMALLEST_GROUP:
        shown[np.flatnonzero(shown)[np.argmin(counts[shown])]] = False
    return shown


def _means(values: F64, codes: I64, counts: I64) -> F64:
    known = codes != NONE
    sums = np.bincount(codes[known], values[known], minlength=len(counts)).astype(np.float64)
    return sums / np.maximum(counts, 1)


def _shares(codes: I64, groups: int, weights: F64 | None = None) -> F64:
    weights = np.ones(len(codes)) if weights is None else weights
    known = codes != NONE
    sums = np.bincount(codes[known], weights[known], minlength=groups).astype(np.float64)
    return sums / float(weights.sum())


def _shuffled(values: F64, codes: I64, shown: Mask, seed: int) -> float:
    """How often people put into the groups by lot would part them as widely (permutation test)."""
    inside = np.isin(codes, np.flatnonzero(shown))
    if shown.sum() < 2:
        return 1.0
    members = codes[inside][:, None] == np.flatnonzero(shown)
    weights = members / members.sum(axis=0)  # [people, groups]
    generator, held = np.random.default_rng(seed), values[inside]
    drawn = [_gap(generator.permutation(held) @ weights) for _ in range(DRAWS)]
    return _share_at_least(_gap(held @ weights), drawn)


def _turned(leads: F64, seed: int) -> float:
    """How often leads that each favour the group or the others by lot would part the groups as
    widely (sign test over people). leads: float64 [people, groups]."""
    if leads.shape[1] < 2 or not len(leads):
        return 1.0
    generator = np.random.default_rng(seed)
    drawn = [
        _gap(generator.choice((-1.0, 1.0), len(leads)) @ leads / len(leads)) for _ in range(DRAWS)
    ]
    return _share_at_least(_gap(leads.mean(axis=0)), drawn)


def _gap(values: F64) -> float:
    return float(values.max() - values.min())


def _share_at_least(found: float, drawn: list[float]) -> float:
    """With the found one among the draws, so that it is never nought (Phipson and Smyth 2010)."""
    return (1 + sum(one >= found - 1e-12 for one in drawn)) / (1 + len(drawn))
