"""What an answer is said to rest on is what it rests on: held against true re-scoring."""

from pathlib import Path

import numpy as np
import pytest

from training.engine.bundle import Bundle, History, Ranked
from training.engine.explaining import resting_on, suspects_of, weightiest
from training.engine.history import Past
from training.engine.reasons import Cause
from training.engine.snapshot import Events, read_snapshot


@pytest.fixture(scope="module")
def bundle(finished: Path) -> Bundle:
    return Bundle.load(finished / "artifact")


def history(events: Events, bundle: Bundle, subject: int, without: int | None = None) -> History:
    past = events.past(subject, int(events.offsets[subject + 1]), 500)
    past = past.keep(past.item != without)
    return History(
        items=bundle.items[past.item],
        times=past.time,
        weights=past.weight,
        types=["purchase"] * len(past),
        values=past.value,
    )


def test_the_named_item_is_the_one_whose_removal_lowers_the_score_most(
    finished: Path, bundle: Bundle
) -> None:
    """In at least four of five answers, within a tenth of the largest loss."""
    events = read_snapshot(finished).events
    now = float(events.time.max()) + 1.0
    agreed = []
    for subject in range(events.subjects):
        whole = history(events, bundle, subject)
        top: Ranked = bundle.recommend(whole, now=now, limit=1, explain=True)[0]
        score = bundle.score_of(whole, top.item, now=now)
        assert score == pytest.approx(top.score, abs=1e-4)
        drops = {}
        for place in np.unique(np.searchsorted(bundle.items, whole.items)):
            rest = history(events, bundle, subject, int(place))
            drops[int(bundle.items[place])] = score - bundle.score_of(rest, top.item, now=now)
        most = max(drops.values())
        if most > 0.0:
            agreed.append(top.rests_on is not None and drops[top.rests_on] >= 0.9 * most)
        else:
            agreed.append(top.rests_on is None)
    assert np.mean(agreed) >= 0.8


def past(*items: int) -> Past:
    count = len(items)
    plain = np.ones(count, np.float32)
    kinds = np.ones(count, np.int64)
    return Past(np.array(items), np.arange(count, dtype=float), plain, kinds, plain)


def test_suspects_are_what_sources_name_and_what_is_young() -> None:
    told = {"a": [Cause("x", 3), Cause("x", 3)], "b": [Cause("x", 4), Cause("x", 99)]}
    suspects = suspects_of(past(*range(20)), told)
    assert suspects == [19, 3, 4, 18]


def test_nothing_is_named_where_nothing_lowers_the_score() -> None:
    def scores(pasts: object, items: np.ndarray) -> np.ndarray:
        return np.array([[1.0, 0.5], [1.5, 0.9]], dtype=np.float32)

    whole = np.ones(2, dtype=np.float32)
    assert resting_on(scores, past(0, 1), {}, np.array([5, 6]), whole) == [None, 1]


def test_a_past_of_one_item_is_what_all_rests_on() -> None:
    one = np.ones(1, dtype=np.float32)
    assert resting_on(lambda pasts, items: one[None], past(7, 7), {}, np.array([5]), one) == [7]


def test_the_reason_points_at_what_the_score_rests_on_where_a_source_does() -> None:
    causes = {"a": [Cause("a", 1), Cause("popular_now"), Cause("a", 1)]}
    causes["b"] = [Cause("b", 2), Cause("b", 2), Cause("b", 3)]
    added = {"a": np.array([2, 2, 2.0]), "b": np.array([1, 1, 1.0])}
    told = weightiest(causes, added, [2, 2, 2])
    assert [cause.code for cause in told] == ["b", "popular_now", "a"]
