"""A bundle answers from files alone: the right items, true reasons, and no torch in the process."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.training.engine import engine_shop
from training.engine.arrays import DAY
from training.engine.bundle import Bundle, History
from training.engine.fusion import BASIC, Fusion, width_of
from training.engine.probability import Calibration
from training.engine.sealed import Damaged, read_sealed, write_sealed
from training.engine.snapshot import read_snapshot
from training.engine.sources import SOURCES
from training.engine.sources.content import Content
from training.engine.sources.source import Ground

NOW = engine_shop.START.timestamp() + 7 * DAY * engine_shop.WEEKS


@pytest.fixture(scope="module")
def bundle(finished: Path) -> Bundle:
    return Bundle.load(finished / "artifact")


@pytest.fixture(scope="module")
def fused(finished: Path, bundle: Bundle) -> Bundle:
    """The same catalogue, answered by a blend of four sources."""
    ground = Ground(read_snapshot(finished), NOW, None)
    names = ("own_history", "popular_7d", "popular_30d", "neighbours")
    sources = {}
    for name in names:
        kind = SOURCES[name]
        assert kind.fit is not None
        sources[name] = kind.fit(ground, kind.options[-1])
    width = width_of(len(names))
    linear = np.zeros(width, np.float32)
    linear[[0, 2, 4, 6]] = [1.0, 0.1, 0.1, 0.5]
    blend = Fusion(
        sources=names,
        features=BASIC,
        candidates=10,
        mean=np.zeros(width, np.float32),
        scale=np.ones(width, np.float32),
        linear=linear,
        inner=np.zeros((16, width), np.float32),
        inner_bias=np.zeros(16, np.float32),
        outer=np.zeros(16, np.float32),
    )
    return replace(
        bundle, sources=sources, fusion=blend, serves="fusion", popular_name="popular_30d"
    )


def history(*events: tuple[int, float]) -> History:
    """Purchases of (item, days ago)."""
    return History(
        items=np.array([item for item, _ in events], dtype=np.int64),
        times=np.array([NOW - days * DAY for _, days in events]),
        weights=np.ones(len(events), dtype=np.float32),
        types=["purchase"] * len(events),
        values=np.ones(len(events), dtype=np.float32),
    )


BOUGHT = history((103, 3.0), (110, 40.0), (103, 20.0))


@pytest.fixture(params=["bundle", "fused"])
def answering(request: pytest.FixtureRequest) -> Bundle:
    found: Bundle = request.getfixturevalue(request.param)
    return found


def numbers(answer: list) -> list[int]:
    return [ranked.item for ranked in answer]


def test_an_answer_has_as_many_items_as_asked_best_first(answering: Bundle) -> None:
    answer = answering.recommend(BOUGHT, now=NOW, limit=7)
    scores = [ranked.score for ranked in answer]
    assert len(set(numbers(answer))) == 7
    assert scores == sorted(scores, reverse=True)


def test_the_order_of_a_history_does_not_matter(answering: Bundle) -> None:
    turned = history((103, 20.0), (103, 3.0), (110, 40.0))
    assert answering.recommend(turned, now=NOW, limit=5) == answering.recommend(
        BOUGHT, now=NOW, limit=5
    )


def test_a_ranking_pauses_between_its_steps_and_ends_the_same(fused: Bundle) -> None:
    pauses: list[int] = []
    answer = fused.recommend(BOUGHT, now=NOW, limit=5, between=lambda: pauses.append(1))
    assert answer == fused.recommend(BOUGHT, now=NOW, limit=5)
    assert len(pauses) > len(fused.fusion.sources)  # each source, the shortlist, the order


def test_excluded_items_are_never_answered(answering: Bundle) -> None:
    first = numbers(answering.recommend(BOUGHT, now=NOW, limit=3))
    rest = answering.recommend(BOUGHT, now=NOW, limit=50, exclude=frozenset(first))
    assert len(rest) == engine_shop.ITEMS - 3
    assert not set(first) & set(numbers(rest))


def test_only_available_items_are_answered(answering: Bundle) -> None:
    some = frozenset({101, 105, 107})
    by_set = answering.recommend(BOUGHT, now=NOW, limit=10, available=some)
    mask = np.isin(answering.items, list(some))
    by_mask = answering.recommend(BOUGHT, now=NOW, limit=10, available=mask)
    assert set(numbers(by_set)) == some
    assert by_mask == by_set
    assert mask.sum() == 3


def test_a_history_of_unknown_or_future_items_is_answered_like_none(answering: Bundle) -> None:
    popular = answering.popular(now=NOW, limit=5)
    assert len(popular) == 5
    assert answering.recommend(History.empty(), now=NOW, limit=5) == popular
    assert answering.recommend(history((9_999, 1.0)), now=NOW, limit=5) == popular
    assert answering.recommend(history((103, -1.0)), now=NOW, limit=5) == popular


def test_the_popular_list_says_that_it_is_popular(answering: Bundle) -> None:
    answer = answering.popular(now=NOW, limit=5)
    windows = {ranked.reason.params["window_days"] for ranked in answer}
    assert {ranked.reason.code for ranked in answer} == {"popular_now"}
    assert windows <= {7, 30} and len(windows) == 1


def test_an_unknown_event_type_is_read_as_one(answering: Bundle) -> None:
    strange = replace(BOUGHT, types=["dance"] * 3)
    assert len(answering.recommend(strange, now=NOW, limit=5)) == 5


def test_what_was_bought_before_is_told_with_how_often(fused: Bundle) -> None:
    answer = fused.recommend(BOUGHT, now=NOW, limit=1)[0]
    assert answer.item == 103
    assert answer.reason.code == "bought_before"
    assert answer.reason.params == {"item": 103, "times": 2, "days_ago": 3}


def test_contributions_of_a_linear_blend_add_up_to_the_lead_over_a_bare_item(
    fused: Bundle,
) -> None:
    answer = fused.recommend(BOUGHT, now=NOW, limit=engine_shop.ITEMS)
    leads = {ranked.score - sum(ranked.contributions.values()) for ranked in answer}
    assert max(leads) - min(leads) == pytest.approx(0.0, abs=1e-4)


def test_the_reason_is_that_of_the_source_that_added_most(fused: Bundle) -> None:
    code = {
        "own_history": {"bought_before", "popular_now"},
        "popular_7d": {"popular_now"},
        "popular_30d": {"popular_now"},
        "neighbours": {"people_who_bought"},
    }
    for ranked in fused.recommend(BOUGHT, now=NOW, limit=10):
        most = max(ranked.contributions, key=lambda name: ranked.contributions[name])
        assert ranked.reason.code in code[most]


def test_where_nobody_buys_again_the_known_items_are_left_out(answering: Bundle) -> None:
    shy = replace(answering, repeats=False)
    answer = numbers(shy.recommend(BOUGHT, now=NOW, limit=50))
    assert len(answer) == engine_shop.ITEMS - 2
    assert not {103, 110} & set(answer)


def test_only_the_newest_events_count_where_the_history_is_limited(answering: Bundle) -> None:
    short = replace(answering, history_limit=1)
    only = history((103, 3.0))
    assert short.recommend(BOUGHT, now=NOW, limit=5) == answering.recommend(only, now=NOW, limit=5)


def test_a_bundle_knows_its_size(bundle: Bundle) -> None:
    assert bundle.nbytes >= bundle.items.nbytes
    assert bundle.items.tolist() == list(range(101, 101 + engine_shop.ITEMS))


def test_a_damaged_bundle_is_refused(finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / "artifact"
    copy.mkdir()
    for path in (finished / "artifact").iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    content = bytearray((copy / "catalogue.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "catalogue.safetensors").write_bytes(bytes(content))
    with pytest.raises(Damaged):
        Bundle.load(copy)


def test_a_bundle_carries_the_facts_of_its_snapshot(finished: Path, bundle: Bundle) -> None:
    facts = read_snapshot(finished).catalogue.facts
    assert bundle.facts.band.tolist() == facts.band.tolist()
    assert bundle.facts.category.tolist() == facts.category.tolist()
    assert bundle.facts.known_from.tolist() == facts.known_from.tolist()


def without_features(artifact: Path, target: Path, **fusion: list[str]) -> Path:
    """The artifact as an earlier release wrote it, blended by a ranker of its only source."""
    manifest = read_sealed(artifact)
    files = {name: load_file(artifact / name) for name in manifest["files"]}
    files["catalogue.safetensors"] = {"items": files["catalogue.safetensors"]["items"]}
    names = [line["name"] for line in manifest["serving"]["sources"]]
    width = width_of(len(names))
    files["fusion.safetensors"] = {
        "mean": np.zeros(width, np.float32),
        "scale": np.ones(width, np.float32),
        "linear": np.ones(width, np.float32),
        "inner": np.zeros((16, width), np.float32),
        "inner_bias": np.zeros(16, np.float32),
        "outer": np.zeros(16, np.float32),
    }
    manifest["serves"] = "fusion"
    manifest["serving"]["fusion"] = {"sources": names, "candidates": 10, **fusion}
    write_sealed(target, files, manifest)
    return target


def test_a_bundle_of_an_earlier_release_answers_as_it_did(finished: Path, tmp_path: Path) -> None:
    old = Bundle.load(without_features(finished / "artifact", tmp_path / "old"))
    assert old.fusion is not None and old.fusion.features == BASIC
    assert len(old.recommend(BOUGHT, now=NOW, limit=5)) == 5


def test_a_bundle_of_a_later_release_is_refused(finished: Path, tmp_path: Path) -> None:
    later = without_features(finished / "artifact", tmp_path / "later", features=["mood"])
    with pytest.raises(Damaged, match="'mood', which is not known here"):
        Bundle.load(later)


def test_answering_needs_no_torch(finished: Path) -> None:
    code = (
        "import sys, time; from training.engine.bundle import Bundle, History;"
        f"b = Bundle.load({str(finished / 'artifact')!r});"
        "assert b.recommend(History.empty(), now=time.time(), limit=3);"
        "assert not {'torch', 'transformers', 'peft', 'django'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_answer_tells_how_probable_each_item_is_where_the_version_was_calibrated(
    answering: Bundle,
) -> None:
    plain = replace(answering, calibration=None).recommend(BOUGHT, now=NOW, limit=5)
    assert {ranked.probability for ranked in plain} == {None}
    told = replace(answering, calibration=Calibration(1.0, 0.5))
    shares = [ranked.probability or 0.0 for ranked in told.recommend(BOUGHT, now=NOW, limit=5)]
    assert all(0.0 < share < 1.0 for share in shares) and len(set(shares)) > 1
    assert shares == sorted(shares, reverse=True)
    assert {ranked.probability for ranked in told.popular(now=NOW, limit=5)} == {None}


def test_a_blend_tells_probabilities_by_the_levels_that_it_was_judged_by(fused: Bundle) -> None:
    assert fused.fusion
    blend = replace(fused.fusion, candidates=engine_shop.ITEMS)
    bare = replace(fused, fusion=blend, calibration=Calibration(1.0, 0.0))
    answer = bare.recommend(BOUGHT, now=NOW, limit=engine_shop.ITEMS)
    odds = [one.probability / (1.0 - one.probability) for one in answer]  # type: ignore[operator]
    # With slope 1 and no offset the odds are the shares of the ranker's softmax.
    assert sum(odds) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("limit", [5, 10, engine_shop.ITEMS])
def test_a_probability_is_the_same_however_many_are_asked_for(fused: Bundle, limit: int) -> None:
    told = replace(fused, calibration=Calibration(1.0, 0.0))
    blend = replace(told, fusion=replace(fused.fusion, candidates=5))  # type: ignore[type-var]
    few = {one.item: one.probability for one in blend.recommend(BOUGHT, now=NOW, limit=3)}
    many = {one.item: one.probability for one in blend.recommend(BOUGHT, now=NOW, limit=limit)}
    for item in set(few) & set(many):
        assert many[item] == pytest.approx(few[item], rel=1e-4)


def test_variety_reorders_the_same_items_by_how_unlike_they_are(bundle: Bundle) -> None:
    vectors = np.zeros((engine_shop.ITEMS, 2), np.float32)
    vectors[:, 0] = 1.0
    vectors[-1] = [0.0, 1.0]  # alone in its kind
    sources = {**bundle.sources, "content": Content(vectors, None, 30.0)}
    varying = replace(bundle, sources=sources)
    answer = varying.recommend(BOUGHT, now=NOW, limit=engine_shop.ITEMS)
    other = varying.varied(answer, 0.9)
    assert sorted(numbers(other)) == sorted(numbers(answer))
    assert numbers(other)[:2] == [numbers(answer)[0], int(bundle.items[-1])]
    assert varying.varied(answer, 0.0) == answer
    told = {bundle.popular_name: bundle.sources[bundle.popular_name]}
    assert (
        replace(bundle, sources=told).varied(answer, 0.9) == answer
    )  # nothing tells what is alike
    assert varying.varied([], 0.9) == []
