"""The table of data sets: one line and one file each."""

from collections.abc import Callable

from tests.bench.quality.datasets import movielens, retail, scientific
from tests.bench.quality.world import World

DATASETS: dict[str, Callable[[], World]] = {
    "scientific": scientific.read,
    "scientific_cold": scientific.read_cold,
    "retail": retail.read,
    "movielens": movielens.read,
}
