"""Texts that no base model reads: what is written alike lies together, in any script."""

import numpy as np
import pytest

from tests.bench.quality.chinese import catalogue, neighbours_factor
from training.engine import grams

TITLES = ["红色陶瓷茶杯", "蓝色陶瓷茶杯", "白色陶瓷茶杯", "木制挂钟", "静音挂钟", "复古挂钟"] * 2


def cosines(vectors: np.ndarray) -> np.ndarray:
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit @ unit.T


def test_what_shares_characters_lies_nearer_than_what_does_not() -> None:
    alike = cosines(grams.learn(TITLES, seed=1)(TITLES[:6]))
    assert alike[0, 1:3].min() > 0.1 > alike[0, 3:].max() + 0.05


def test_a_text_that_was_not_there_finds_its_kind() -> None:
    """An item that is listed tomorrow is read without learning anew."""
    learned = grams.learn(TITLES, seed=1)
    alike = cosines(learned([*TITLES[:6], "绿色茶杯"]))[-1, :6]
    assert alike[:3].min() > alike[3:].max()


def test_width_and_case_that_mean_the_same_are_read_alike() -> None:
    assert grams.words_of("ＴＥＡ 茶") == grams.words_of("tea 茶") == ["tea", "茶"]
    assert grams.runs_of("茶") == ["茶", "<茶", "茶>", "<茶>"]


def test_nothing_to_read_gives_a_zero_row_and_equal_texts_equal_vectors() -> None:
    learned = grams.learn(TITLES, seed=1)
    vectors = learned([" ?! ", "红色陶瓷茶杯", "红色陶瓷茶杯"])
    assert not vectors[0].any()
    assert np.array_equal(vectors[1], vectors[2])
    again = grams.learn(TITLES, seed=1)
    assert np.array_equal(again.turn, learned.turn)
    stored = grams.Grams(**learned.tensors())
    assert np.array_equal(stored(TITLES), learned(TITLES))


def test_more_texts_than_are_learnt_from_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grams, "_LEARNT_FROM", 8)
    assert grams.learn(TITLES, seed=1)(TITLES).shape == (12, 4)


def test_a_chinese_query_finds_items_of_its_kind_far_better_than_chance() -> None:
    """The written catalogue: a query of words that no title has in this order."""
    titles, kinds, queries = catalogue()
    assert len(titles) == len(set(titles)) == len(kinds)
    assert not set(titles) & {query for query, _ in queries}
    assert not any(query in title for query, _ in queries for title in titles)
    assert neighbours_factor() > 5.0


def test_the_largest_directions_of_many_texts_are_those_of_the_whole() -> None:
    table = np.random.default_rng(0).normal(size=(700, 40)) * np.linspace(1.0, 5.0, 40)
    product = (table @ table.T).astype(np.float32)
    exact = np.linalg.eigvalsh(product.astype(np.float64))
    size, left = grams._largest(product, 20)
    assert size[-20:] == pytest.approx(exact[-20:], rel=1e-3)
    assert np.abs(left[:, -20:].T @ left[:, -20:] - np.eye(20)).max() < 1e-4
