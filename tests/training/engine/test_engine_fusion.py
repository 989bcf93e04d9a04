"""The ranker over retrieved candidates: whom it may rank, and what it says each source added."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from training.engine.arrays import DAY, F32, I64, Settings, Tensors
from training.engine.features.facts import ItemFacts
from training.engine.fusion import ALL, BASIC, Fusion, Unmet, best, shortlist, width_of
from training.engine.history import Past
from training.engine.reasons import Cause
from training.engine.sources.source import Source

NOW = 100.0 * DAY
PAST = Past(
    np.array([0]), np.array([NOW - DAY]), np.ones(1, np.float32), np.array([1]),
    np.array([5.0], np.float32),
)  # fmt: skip
FACTS = ItemFacts.unknown(6)


class Fixed:
    """A source with the same scores for everybody."""

    def __init__(self, *scores: float) -> None:
        self.scores = np.array(scores, dtype=np.float32)

    def score(self, past: Past, now: float) -> F32:
        return self.scores

    def score_all(self, pasts: Sequence[Past], now: float) -> F32:
        return np.stack([self.scores for _ in pasts])

    def level(self, scores: F32, items: I64) -> F32:
        return scores[items]

    def causes(self, past: Past, now: float, items: list[int]) -> list[Cause]:
        return [Cause("fixed") for _ in items]

    def tensors(self) -> Tensors:
        return {}

    def settings(self) -> Settings:
        return {}


SOURCES: dict[str, Source] = {"up": Fixed(0, 1, 2, 3, 4, 5), "down": Fixed(9, 8, 7, 6, 5, 4)}


def lists(candidates: int, allowed: list[bool] | None = None, features=BASIC):
    mask = np.array(allowed or [True] * 6)
    scores = {name: source.score(PAST, NOW) for name, source in SOURCES.items()}
    names = tuple(SOURCES)
    ranked = {name: best(score, mask, candidates) for name, score in scores.items()}
    return shortlist(names, SOURCES, scores, ranked, PAST, NOW, FACTS, features)


def ranker(seed: int = 0) -> Fusion:
    draws = np.random.default_rng(seed)
    width = width_of(2)
    return Fusion(
        sources=("up", "down"),
        features=BASIC,
        candidates=2,
        mean=draws.normal(size=width).astype(np.float32),
        scale=np.ones(width, np.float32),
        linear=draws.normal(size=width).astype(np.float32),
        inner=draws.normal(size=(16, width)).astype(np.float32),
        inner_bias=draws.normal(size=16).astype(np.float32),
        outer=draws.normal(size=16).astype(np.float32),
    )


def test_only_what_some_source_brings_forward_is_ranked() -> None:
    assert lists(2).items.tolist() == [0, 1, 4, 5]


def test_what_is_not_allowed_is_never_brought_forward() -> None:
    assert lists(2, [False, True, True, True, True, False]).items.tolist() == [1, 2, 3, 4]


def test_features_are_level_and_rank_of_each_source_and_the_subjects_activity() -> None:
    short = lists(1)
    assert short.items.tolist() == [0, 5]
    first = [0.0, 10 / 11, 9.0, 1.0, np.log1p(1), np.log1p(1)]
    assert short.features[0].tolist() == pytest.approx(first)
    assert short.lowest.tolist() == [0.0, 0.0]


def test_the_basic_features_are_the_first_of_all() -> None:
    short = lists(1)
    whole = lists(1, features=ALL)
    assert whole.features.shape == (2, width_of(2, ALL))
    assert whole.features[:, : width_of(2)].tolist() == short.features.tolist()
    assert np.isfinite(whole.features).all()


def test_a_ranker_of_an_earlier_release_reads_the_basic_features_alone() -> None:
    fusion = ranker()
    again = Fusion.restore(fusion.tensors(), fusion.sources, fusion.candidates)
    assert again.features == BASIC == ("acts", "recency_days")


def test_a_ranker_that_reads_an_unknown_feature_is_refused() -> None:
    fusion = ranker()
    with pytest.raises(ValueError, match="'mood', which is not known here"):
        Fusion.restore(fusion.tensors(), fusion.sources, 2, (*BASIC, "mood"))


def test_a_contribution_is_what_the_score_loses_without_the_source() -> None:
    short, fusion = lists(2), ranker()
    rows = np.array([3, 0])
    added = fusion.contributions(short, rows)
    bare = short.features.copy()
    bare[:, 2], bare[:, 3] = short.lowest[1], 0.0
    expected = fusion.score(short.features)[rows] - fusion.score(bare)[rows]
    assert added["down"] == pytest.approx(expected)
    assert set(added) == {"up", "down"}


def test_a_source_that_the_ranker_ignores_adds_nothing() -> None:
    fusion = ranker()
    fusion.linear[:2] = 0.0
    fusion.inner[:, :2] = 0.0
    assert fusion.contributions(lists(2), np.arange(4))["up"].tolist() == [0.0] * 4


def test_a_restored_ranker_scores_the_same() -> None:
    fusion = ranker()
    again = Fusion.restore(fusion.tensors(), fusion.sources, fusion.candidates)
    features = lists(2).features
    assert again.score(features).tolist() == fusion.score(features).tolist()


def test_the_best_come_first_and_ties_go_by_position() -> None:
    score = np.array([1, 3, 3, 2, 3], dtype=np.float32)
    assert best(score, np.ones(5, np.bool_), 3).tolist() == [1, 2, 4]
    assert best(score, np.array([True, True, False, True, False]), 9).tolist() == [1, 3, 0]
    assert best(score, np.zeros(5, np.bool_), 3).tolist() == []


def test_unmet_items_share_their_scores_as_the_source_says_that_tells_them_apart() -> None:
    scores = {name: source.score(PAST, NOW) for name, source in SOURCES.items()}
    short, plain = lists(3), ranker()
    items = np.array([False, True, False, True, True, False])
    for by, order in (("up", [4, 3, 1]), ("down", [1, 3, 4])):
        fusion = replace(plain, unmet=Unmet(by, items))
        fused = dict(zip(short.items.tolist(), fusion.rate(short, scores).tolist(), strict=True))
        before = dict(zip(short.items.tolist(), plain.score(short.features).tolist(), strict=True))
        assert [fused[item] for item in order] == sorted(
            (before[item] for item in (1, 3, 4)), reverse=True
        )
        assert all(fused[item] == before[item] for item in (0, 2, 5))
        added = fusion.contributions(short, np.arange(6))
        other = {"up": "down", "down": "up"}[by]
        assert added[other][[1, 3, 4]].tolist() == [0.0] * 3


def test_a_restored_ranker_knows_what_was_unmet() -> None:
    items = np.array([False, True, False, True, True, False])
    fusion = replace(ranker(), unmet=Unmet("down", items))
    again = Fusion.restore(fusion.tensors(), fusion.sources, 2, BASIC, "down")
    assert again.unmet is not None and again.unmet.by == "down"
    assert again.unmet.items.tolist() == items.tolist()
    assert Fusion.restore(ranker().tensors(), fusion.sources, 2).unmet is None


def test_what_lies_farther_than_anything_fitted_does_not_outweigh_the_rest() -> None:
    """People who were all asked a second after their last act say nothing of half a day."""
    fusion, features = ranker(), lists(2).features
    far, farther = features.copy(), features.copy()
    far[:, -1], farther[:, -1] = 1e3, 1e6
    assert fusion.score(far).tolist() == fusion.score(farther).tolist()
