"""A version's popularity goes on with what is counted while it serves."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.engine import engine_shop
from training.engine.arrays import DAY
from training.engine.bundle import Bundle
from training.engine.lately import WINDOWS, Lately, popularity_of
from training.engine.sources.popularity import Popularity

NOW = engine_shop.START.timestamp() + 7 * DAY * engine_shop.WEEKS


@pytest.fixture(scope="module")
def bundle(finished: Path) -> Bundle:
    return Bundle.load(finished / "artifact")


def counted(*weights: tuple[int, float]) -> Lately:
    items, values = zip(*weights, strict=True)
    return Lately(
        np.array(items),
        {days: np.array(values) for days in WINDOWS},
        {days: np.ones(len(items), np.bool_) for days in WINDOWS},
    )


def popular(bundle: Bundle) -> list[int]:
    return [line.item for line in bundle.popular(now=NOW, limit=3)]


def test_what_was_counted_lately_leads_the_popular_list(bundle: Bundle) -> None:
    last = int(bundle.items[-1])
    first = int(bundle.items[0])
    fresh = bundle.with_sources(popularity_of(bundle, counted((last, 9.0), (first, 4.0))))
    assert popular(fresh) == [last, first]
    assert popular(bundle) != popular(fresh), "what was learnt stays as it was"


def test_items_that_a_version_does_not_know_are_passed_over(bundle: Bundle) -> None:
    last = int(bundle.items[-1])
    lately = counted((last + 5, 50.0), (last, 1.0), (-3, 7.0))
    assert popular(bundle.with_sources(popularity_of(bundle, lately))) == [last]


def test_an_item_that_is_taken_back_more_than_taken_up_is_not_popular(bundle: Bundle) -> None:
    first, last = int(bundle.items[0]), int(bundle.items[-1])
    lately = counted((first, -2.0), (last, 1.0))
    assert popular(bundle.with_sources(popularity_of(bundle, lately))) == [last]


def test_an_item_of_few_people_falls_and_rises_no_higher_than_it_was_learnt(bundle: Bundle) -> None:
    learnt = np.zeros(len(bundle.items), np.float32)
    learnt[:2] = [1.0, 0.5]
    name = "popular_7d"
    before = bundle.with_sources({name: Popularity(learnt, 7)})
    items = bundle.items[:4]
    weight = np.array([2.0, 8.0, 3.0, 6.0])
    fresh = popularity_of(
        before, Lately(items, {7: weight}, {7: np.array([False, False, False, True])})
    )
    share = fresh[name].tensors()["share"][:4] * 6.0
    assert share.tolist() == pytest.approx([2.0, 3.0, 0.0, 6.0])
    assert popularity_of(before, Lately(items, {7: weight}, {7: np.zeros(4, np.bool_)})) == {}


@pytest.mark.parametrize(
    "lately",
    [
        Lately(np.empty(0, np.int64), {}, {}),
        Lately(
            np.empty(0, np.int64),
            {days: np.empty(0) for days in WINDOWS},
            {days: np.empty(0, np.bool_) for days in WINDOWS},
        ),
        counted((-1, 1.0)),
    ],
    ids=["nothing counted", "nothing taken up", "only unknown items"],
)
def test_where_nothing_was_taken_up_the_learnt_popularity_stays(
    bundle: Bundle, lately: Lately
) -> None:
    assert popularity_of(bundle, lately) == {}
