"""Other orders of a list: what they keep, what they win, and what they refuse."""

import numpy as np
import pytest

from training.engine.lists import diversity, novelty
from training.engine.reranking import diversified, less_popular

TRADES = (0.0, 0.25, 0.5, 0.75, 1.0)


def listed(seed: int, count: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that fall, vectors that crowd in a few places, and shares of people."""
    draws = np.random.default_rng(seed)
    places = draws.normal(size=(5, 8))
    vectors = places[draws.integers(0, 5, count)] + 0.2 * draws.normal(size=(count, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = np.sort(draws.random(count))[::-1]
    return scores.astype(np.float32), vectors.astype(np.float32), draws.random(count) ** 3 + 1e-4


@pytest.mark.parametrize("trade", TRADES)
def test_every_item_stays_in_the_list_once(trade: float) -> None:
    scores, vectors, popularity = listed(1)
    assert sorted(diversified(scores, vectors, trade)) == list(range(40))
    assert sorted(less_popular(scores, popularity, trade)) == list(range(40))


def test_nothing_traded_keeps_the_order_of_the_scores() -> None:
    scores, vectors, popularity = listed(2)
    assert diversified(scores, vectors, 0.0).tolist() == list(range(40))
    assert less_popular(scores, popularity, 0.0).tolist() == list(range(40))


def test_the_more_is_traded_the_less_alike_are_the_first_ten() -> None:
    def mean(trade: float) -> float:
        lists = [listed(seed)[:2] for seed in range(30)]
        return float(np.mean([diversity(diversified(s, v, trade)[:10], v) for s, v in lists]))

    values = [mean(trade) for trade in TRADES]
    assert values == sorted(values) and values[-1] > values[0] + 0.05


def test_the_more_is_taken_off_for_popularity_the_farther_from_the_crowd() -> None:
    def mean(strength: float) -> float:
        lists = [listed(seed)[::2] for seed in range(30)]
        return float(np.mean([novelty(less_popular(s, p, strength)[:10], p) for s, p in lists]))

    values = [mean(strength) for strength in TRADES]
    assert values == sorted(values) and values[-1] > values[0] + 1.0


def test_the_best_item_stays_first_unless_scores_do_not_count() -> None:
    scores, vectors, _ = listed(3)
    assert all(diversified(scores, vectors, trade)[0] == 0 for trade in TRADES[:-1])


@pytest.mark.parametrize("count", [0, 1])
def test_a_list_of_none_or_one_stays_as_it_is(count: int) -> None:
    scores, vectors, popularity = listed(4)
    assert diversified(scores[:count], vectors[:count], 0.5).tolist() == list(range(count))
    assert less_popular(scores[:1], popularity[:1], 0.5).tolist() == [0]


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_shares_beyond_are_refused(share: float) -> None:
    scores, vectors, popularity = listed(5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        diversified(scores, vectors, share)
    with pytest.raises(ValueError, match="between 0 and 1"):
        less_popular(scores, popularity, share)
