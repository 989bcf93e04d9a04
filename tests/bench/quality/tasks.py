"""The table of tasks: what is asked of every contender."""

import numpy as np

from tests.bench.quality.datasets.scientific import cold_items
from tests.bench.quality.protocol import Task, weeks
from tests.bench.quality.world import STEP_END, World
from training.engine.arrays import DAY, Mask


def _cold(world: World) -> Mask:
    mask = np.zeros(len(world.snapshot.catalogue), dtype=np.bool_)
    mask[cold_items(len(mask))] = True
    return mask


def _last_out(name: str, world: str, *, quick: bool = True) -> Task:
    """The last act of everybody is the target, the one before it that of validation."""
    return Task(name, world, False, (STEP_END - DAY,), (STEP_END,), 1.0, quick=quick)


_VALIDATION, _TEST = weeks("2011-09-12", 4), weeks("2011-10-10", 8)

TASKS = (
    _last_out("scientific", "scientific"),
    _last_out("scientific_cold_all", "scientific_cold", quick=False),
    Task(
        "scientific_cold_only",
        "scientific_cold",
        False,
        (STEP_END - DAY,),
        (STEP_END,),
        1.0,
        _cold,
    ),
    Task("retail_repeats", "retail", True, _VALIDATION, _TEST, 7.0),
    Task("retail_new", "retail", False, _VALIDATION, _TEST, 7.0, quick=False),
    _last_out("movielens", "movielens"),
)
