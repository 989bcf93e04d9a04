"""The table of data sets: one line and one file each."""

from collections.abc import Callable

from tests.bench.quality.datasets import movielens, retail, scientific
from tests.bench.quality.world import World, part_of

DATASETS: dict[str, Callable[[], World]] = {
    "scientific": scientific.read,
    "scientific_cold": scientific.read_cold,
    "retail": retail.read,
    "movielens": movielens.read,
}
# For a short run, in which a rival that trains for long can only end on fewer people.
PARTS: dict[str, Callable[[], World]] = {
    "scientific_part": lambda: part_of(scientific.read(), "scientific_part", 2, 3),
}
WORLDS = {**DATASETS, **PARTS}
