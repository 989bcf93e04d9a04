"""The popularity of now in a version that was made a while ago: what everybody takes up changes
within days, and a version serves for weeks. Pure numpy; who counts, and of whom, is the caller's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.engine.arrays import F64, I64, Mask
from training.engine.bundle import Bundle
from training.engine.sources import SOURCES
from training.engine.sources.popularity import Popularity, share_of
from training.engine.sources.source import Source

# Days of which popularity is counted.
WINDOWS = tuple(
    int(kind.options[0]["window_days"]) for kind in SOURCES.values() if kind.kind == "popularity"
)


@dataclass(frozen=True)
class Lately:
    """What was taken up in the days before a moment. items: public numbers, int64 [n], distinct;
    weights: days of a window -> weight of each item's events in it, float64 [n]; many: the same
    with whether so many people stand behind it that its rise tells of none of them, bool [n]."""

    items: I64
    weights: Mapping[int, F64]
    many: Mapping[int, Mask]


def popularity_of(bundle: Bundle, lately: Lately) -> dict[str, Source]:
    """The bundle's popularity sources with what was counted lately, by name, for
    `bundle.with_sources`. An item of few people falls, and rises no higher than it was learnt;
    items that the bundle does not know are passed over; a window that was not counted, or in which
    no item of many people was taken up, stays as it was learnt."""
    place = np.minimum(np.searchsorted(bundle.items, lately.items), len(bundle.items) - 1)
    known = bundle.items[place] == lately.items
    fresh: dict[str, Source] = {}
    for name, source in bundle.sources.items():
        if isinstance(source, Popularity) and source.window_days in lately.weights:
            weight, many = np.zeros(len(bundle.items)), np.zeros(len(bundle.items), np.bool_)
            weight[place[known]] = lately.weights[source.window_days][known]
            many[place[known]] = lately.many[source.window_days][known]
            most = weight[many].max(initial=0.0)
            if most > 0.0:
                held = np.minimum(weight, source.share * most)
                fresh[name] = Popularity(share_of(np.where(many, weight, held)), source.window_days)
    return fresh
