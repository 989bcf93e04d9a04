"""The items that a person's own lead to are told from whichever source of links a version holds."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from recommend.derived import _neighbours
from training.engine.bundle import Bundle
from training.engine.history import Past
from training.engine.sources import neighbours

NOW = 1_000_000.0
HAD = Past(
    item=np.array([0]),
    time=np.array([NOW]),
    weight=np.ones(1, dtype=np.float32),
    type=np.ones(1, dtype=np.int64),
    value=np.zeros(1, dtype=np.float32),
)


def version(**sources: Any) -> Bundle:
    return cast(Bundle, SimpleNamespace(sources=sources, items=np.array([70, 71, 72])))


@pytest.mark.parametrize("name", ["neighbours", "neighbours_text"])
def test_the_strongest_neighbours_come_first_by_the_numbers_of_items(name):
    links = {
        "link": np.array([[1, 2], [0, 2], [0, 1]], dtype=np.int32),
        "strength": np.array([[0.25, 0.5], [0, 0], [0, 0]], dtype=np.float16),
    }
    source = neighbours.restore(links, {"half_life_days": 30.0})
    assert _neighbours(version(**{name: source}), HAD, NOW) == {72: 0.5, 71: 0.25}
    assert _neighbours(version(), HAD, NOW) == {}
