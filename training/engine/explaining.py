"""On which item of a past each recommended item rests: the one without which its score would fall
most. The few that some source names, and the youngest, are taken out in turn and the answer's items
are scored anew, all of them at once. An answer takes two to three times as long with it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from training.engine.arrays import F32, I64
from training.engine.history import Past
from training.engine.reasons import Cause
from training.engine.sources.source import Source

_SUSPECTS = 4  # items that are taken out in turn; each costs an answer about 2 ms
_YOUNGEST = 1  # that is always among them

# (pasts, items) -> float32 [pasts, items]
Scores = Callable[[Sequence[Past], I64], F32]


def suspects_of(past: Past, causes: Mapping[str, Sequence[Cause]]) -> list[int]:
    """The items of a past that may matter most: those that the causes of any source name, the most
    often named first, and the youngest."""
    young = list(dict.fromkeys(past.item[::-1].tolist()))
    met = set(young)
    named = Counter(cause.about for told in causes.values() for cause in told if cause.about in met)
    first = [item for item, _ in named.most_common(_SUSPECTS - _YOUNGEST) if item is not None]
    return list(dict.fromkeys([*young[:_YOUNGEST], *first, *young]))[:_SUSPECTS]


def resting_on(
    scores: Scores,
    past: Past,
    causes: Mapping[str, Sequence[Cause]],
    items: I64,
    whole: F32,
) -> list[int | None]:
    """For each of `items` the item of the past whose removal lowers its score, `whole` with all of
    them, most; None where none lowers it. With a single item in the past, that one."""
    suspects = suspects_of(past, causes)
    rests = [past.keep(past.item != suspect) for suspect in suspects]
    if not len(items):
        return []
    if not all(len(rest) for rest in rests):
        return [suspects[0]] * len(items)
    drops = whole - scores(rests, items)
    most = np.argmax(drops, axis=0)
    return [suspects[row] if drops[row, column] > 0.0 else None for column, row in enumerate(most)]


def leading_causes(
    sources: Mapping[str, Source],
    past: Past,
    now: float,
    items: I64,
    added: Mapping[str, F32],
    between: Callable[[], object],
) -> list[Cause]:
    """Per item, the cause that the source with the largest contribution gives; no other source is
    asked."""
    names = list(added)
    if not len(items):
        return []
    winner = np.argmax(np.stack([added[name] for name in names]), axis=0)
    causes: list[Cause] = [Cause("")] * len(items)
    for index in np.unique(winner):
        rows = np.flatnonzero(winner == index)
        told = sources[names[index]].causes(past, now, items[rows].tolist())
        for row, cause in zip(rows, told, strict=True):
            causes[row] = cause
        between()
    return causes


def weightiest(
    causes: Mapping[str, Sequence[Cause]], added: Mapping[str, F32], rests_on: Sequence[int | None]
) -> list[Cause]:
    """Per item, the cause that the source with the largest contribution gives. Where that points
    at a past item, it is one that points at the item which the score rests on, if any source
    does."""
    chosen = []
    for place, about in enumerate(rests_on):
        order = sorted(added, key=lambda name: -float(added[name][place]))
        told = [causes[name][place] for name in order]
        first = told[0]
        if first.about is not None and about is not None:
            first = next((cause for cause in told if cause.about == about), first)
        chosen.append(first)
    return chosen
