"""Every source scores as its method says, explains truly, and comes back from storage as it was."""

from dataclasses import replace

import numpy as np
import pytest

from training.engine.arrays import DAY
from training.engine.history import Past
from training.engine.links import kept
from training.engine.snapshot import Catalogue, Events, Snapshot
from training.engine.sources import SOURCES, content, neighbours, own, popularity, repeats
from training.engine.sources.source import Ground, Source

NOW = 1000.0 * DAY


def past(*events: tuple[int, float]) -> Past:
    """Events of (item, days ago), each of weight 1."""
    ordered = sorted(events, key=lambda event: -event[1])
    return Past(
        item=np.array([item for item, _ in ordered], dtype=np.int64),
        time=np.array([NOW - days * DAY for _, days in ordered]),
        weight=np.ones(len(ordered), dtype=np.float32),
        type=np.ones(len(ordered), dtype=np.int64),
        value=np.zeros(len(ordered), dtype=np.float32),
    )


def ground(*rows: tuple[int, int, float], items: int = 4) -> Ground:
    """Events of (subject, item, days ago)."""
    ordered = sorted(rows, key=lambda row: (row[0], -row[2], row[1]))
    subject = np.array([row[0] for row in ordered], dtype=np.int64)
    count = len(ordered)
    events = Events(
        subject=subject,
        item=np.array([row[1] for row in ordered], dtype=np.int64),
        time=np.array([NOW - row[2] * DAY for row in ordered]),
        weight=np.ones(count, dtype=np.float32),
        type=np.ones(count, dtype=np.int64),
        value=np.zeros(count, dtype=np.float32),
        offsets=np.concatenate(([0], np.cumsum(np.bincount(subject)))).astype(np.int64),
        types=("purchase",),
    )
    blank = ("",) * items
    catalogue = Catalogue(
        items=np.arange(items, dtype=np.int64),
        title=blank,
        text=blank,
        category=blank,
        price=np.zeros(items, dtype=np.float32),
        known_from=np.zeros(items),
    )
    turned = np.random.default_rng(0).normal(size=(items, 3)).astype(np.float32)
    return Ground(Snapshot(catalogue, events), NOW, turned)


GROUND = ground(
    (0, 0, 9),
    (0, 1, 9),
    (1, 0, 5),
    (1, 1, 4),
    (2, 0, 3),
    (2, 1, 3),
    (2, 2, 1),
    (3, 2, 2),
    (3, 3, 2),
)


def test_own_history_halves_with_every_half_life() -> None:
    source = own.fit(ground((0, 3, 400)), {"half_life_days": 10.0})
    assert source.score(past((1, 10), (1, 20), (2, 0)), NOW).tolist() == [0.0, 0.75, 1.0, 0.0]


def test_own_history_breaks_ties_by_recent_popularity() -> None:
    source = own.fit(GROUND, {"half_life_days": 10.0})
    scores = source.score(past((3, 1)), NOW)
    assert np.argsort(-scores).tolist() == [3, 0, 1, 2]


def test_own_history_tells_how_often_and_how_long_ago() -> None:
    source = own.fit(GROUND, {"half_life_days": 10.0})
    cause = source.causes(past((1, 30), (1, 7), (2, 1)), NOW, [1])[0]
    assert (cause.code, cause.about, cause.params) == (
        "bought_before",
        1,
        {"times": 2, "days_ago": 7},
    )


def test_a_learnt_rhythm_puts_what_is_due_before_what_was_tried_once() -> None:
    """Everybody takes item 0 every tenth day and one of the others once in their lives."""
    rows = [
        (subject, 0, float(10 * visit + subject % 10))
        for subject in range(40)
        for visit in range(20)
    ]
    rows += [(subject, 1 + subject % 3, 10.0 * (subject % 7) + 4.5) for subject in range(40)]
    source = repeats.fit(ground(*rows), {})
    due = past((0, 40), (0, 30), (0, 20), (0, 10), (1, 1))
    scores = source.score(due, NOW)
    assert scores[0] > 0.5 > scores[1] > scores[2]
    assert own.fit(ground(*rows), {"half_life_days": 5.0}).score(due, NOW)[1] > 0.5


def test_who_met_nothing_again_is_ranked_by_the_decayed_count() -> None:
    source = repeats.fit(GROUND, {})
    scores = source.score(past((1, 9), (2, 3), (2, 2)), NOW)
    assert np.argsort(-scores)[:2].tolist() == [2, 1]
    assert source.causes(past((2, 3)), NOW, [2])[0].code == "bought_before"


def turned(told: Past, *weights: float) -> Past:
    """The same acts with other weights, oldest first."""
    return replace(told, weight=np.array(weights, dtype=np.float32))


def test_what_a_subject_turned_against_is_not_brought_back() -> None:
    """Disliked three times, or looked at and then disliked: neither lifts an item above those that
    the subject has never met, and nothing says that they chose it."""
    source = repeats.fit(GROUND, {})
    told = turned(past((0, 9), (0, 5), (0, 2), (1, 8), (1, 7), (3, 4)), -1, 0.2, -1, -1, 1, -1)
    scores = source.score(told, NOW)
    assert np.argmax(scores) == 3
    assert (scores[[0, 1]] <= scores[2]).all()
    codes = [cause.code for cause in source.causes(told, NOW, [0, 1, 3])]
    assert codes == ["popular_now", "popular_now", "bought_before"]
    only = source.score(turned(past((0, 2), (1, 1)), -1, -1), NOW)
    assert np.isfinite(only).all() and (only < 1e-5).all()


def test_acts_against_an_item_are_no_visits_and_set_no_rhythm() -> None:
    rate = np.full(4, 0.1, dtype=np.float32)
    plain = repeats.features_of(past((0, 40), (0, 20)), NOW, rate, 10.0)
    mixed = turned(past((0, 40), (0, 20), (0, 30), (0, 1), (1, 3)), 1, -0.5, 1, -0.25, -1)
    told = repeats.features_of(mixed, NOW, rate, 10.0)
    assert told[0].tolist() == [0]
    assert np.array_equal(told[1], plain[1])


def test_only_what_was_chosen_is_counted_as_chosen() -> None:
    source = own.fit(GROUND, {"half_life_days": 10.0})
    told = turned(past((1, 30), (1, 7), (1, 2)), 1, 1, -1)
    assert source.causes(told, NOW, [1])[0].params == {"times": 2, "days_ago": 7}
    against = turned(past((1, 7)), -1)
    assert source.causes(against, NOW, [1])[0].code == "popular_now"


def test_popularity_counts_its_window_only() -> None:
    source = popularity.fit(GROUND, {"window_days": 3})
    assert source.share.tolist() == [0.5, 0.5, 1.0, 0.5]


def closed_form(of: Ground, ridge: float, text: float = 0.0) -> np.ndarray:
    """EASE with text by a whole inverse, [items, items]."""
    events = of.snapshot.events
    age = (NOW - events.time) / DAY
    taken = np.zeros((events.subjects, 4))
    np.add.at(taken, (events.subject, events.item), np.exp2(-age / (age.max() / 3.0)))
    gram = taken.T @ taken
    size = np.diag(gram).mean()
    assert of.text is not None
    unit = of.text / np.linalg.norm(of.text, axis=1, keepdims=True)
    inverse = np.linalg.inv(gram + text * size * unit @ unit.T + ridge * size * np.eye(4))
    weights = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def learned(source: neighbours.Neighbours) -> np.ndarray:
    """Its links, [items, items]."""
    weights = np.zeros((4, 4))
    np.put_along_axis(weights, source.link.astype(np.int64), source.strength, axis=1)
    return weights


def test_neighbours_below_the_limit_follow_the_closed_form_of_ease() -> None:
    source = neighbours.fit(GROUND, {"ridge": 0.5, "half_life_days": 30.0})
    assert learned(source) == pytest.approx(closed_form(GROUND, 0.5), abs=2e-3)


def test_a_share_of_text_counts_each_direction_as_one_more_subject() -> None:
    settings = {"ridge": 0.5, "text": 2.0, "half_life_days": 30.0}
    source = neighbours.fit(GROUND, settings)
    plain = neighbours.fit(GROUND, {**settings, "text": 0.0})
    assert learned(source) == pytest.approx(closed_form(GROUND, 0.5, 2.0), abs=2e-3)
    assert not np.allclose(source.strength, plain.strength)


def test_items_that_nobody_met_are_brought_into_the_closed_form_by_their_texts() -> None:
    known = ground((0, 0, 9), (0, 2, 8), (1, 2, 5), (1, 0, 4))  # 1 and 3 are unmet
    text = np.random.default_rng(2).normal(size=(4, 3)).astype(np.float32)
    some = Ground(known.snapshot, NOW, text)
    source = neighbours.fit(some, {"ridge": 0.5, "text": 2.0, "half_life_days": 30.0})
    assert learned(source) == pytest.approx(closed_form(some, 0.5, 2.0), abs=2e-3)


def test_an_item_that_nobody_met_is_recommended_for_its_text_and_says_so() -> None:
    known = ground((0, 0, 9), (0, 1, 9), (1, 0, 5), (1, 1, 4))
    text = np.array([[1, 0, 0], [0, 1, 0], [0.95, 0.05, 0], [0, 0, 1]], dtype=np.float32)
    alike = Ground(known.snapshot, NOW, text)
    source = neighbours.fit(alike, {"ridge": 0.5, "text": 2.0, "half_life_days": 30.0})
    whole = past((0, 1))
    scores = source.score(whole, NOW)
    assert scores[2] > scores[3]
    told = source.causes(whole, NOW, [1, 2])
    assert [cause.code for cause in told] == ["people_who_bought", "similar_text"]


def test_neighbours_of_an_earlier_release_come_back() -> None:
    source = neighbours.fit(GROUND, {"ridge": 0.5, "half_life_days": 30.0})
    stored = {"link": source.link, "strength": source.strength}
    again = neighbours.restore(stored, source.settings())
    assert again.causes(past((0, 1)), NOW, [1]) == source.causes(past((0, 1)), NOW, [1])


def test_neighbours_above_the_limit_find_what_is_taken_up_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbours, "EASE_LIMIT", 1)
    source = neighbours.fit(GROUND, {"ridge": 1.0, "half_life_days": 30.0})
    scores = source.score(past((0, 1)), NOW)
    assert np.argsort(-scores)[0] == 1
    assert scores[0] == 0.0 and scores[3] == 0.0


def test_neighbours_above_the_limit_are_shrunk_cosines_however_they_are_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draws = np.random.default_rng(4)
    rows = [(int(s), int(i), float(d)) for s, i, d in draws.integers(0, 30, (300, 3))]
    many = ground(*rows, items=30)
    monkeypatch.setattr(neighbours, "EASE_LIMIT", 1)
    found = []
    for block in (10_000_000, 40):
        monkeypatch.setattr(kept, "_BLOCK", block)
        source = neighbours.fit(many, {"ridge": 1.0, "half_life_days": 30.0})
        dense = np.zeros((30, 30))
        np.add.at(dense, (np.arange(30)[:, None], source.link), source.strength)
        found.append(dense)
    taken = neighbours._taken(many).toarray()
    unit = taken / (np.sqrt((taken**2).sum(axis=0)) + 1e-9)
    met = (taken > 0).sum(axis=0)
    expected = (unit.T @ unit) * (met / (met + 5.0))[None, :]
    np.fill_diagonal(expected, 0.0)
    assert found[0] == pytest.approx(expected, abs=2e-3)
    assert np.array_equal(found[0], found[1])


def test_neighbours_name_the_past_item_that_pushes_most() -> None:
    source = neighbours.fit(GROUND, {"ridge": 0.5, "half_life_days": 30.0})
    whole = past((0, 1), (3, 1))
    drops = {
        item: source.score(whole, NOW)[1] - source.score(whole.keep(whole.item != item), NOW)[1]
        for item in (0, 3)
    }
    cause = source.causes(whole, NOW, [1])[0]
    assert (cause.code, cause.about) == ("people_who_bought", max(drops, key=drops.__getitem__))


def test_content_does_not_count_an_item_towards_itself() -> None:
    source = content.fit(GROUND, {"half_life_days": 30.0})
    assert source.score(past((2, 1)), NOW)[2] == pytest.approx(0.0, abs=1e-6)


def test_content_scores_by_the_cosine_of_texts() -> None:
    source = content.fit(GROUND, {"half_life_days": 30.0})
    assert GROUND.text is not None
    unit = GROUND.text / np.linalg.norm(GROUND.text, axis=1, keepdims=True)
    scores = source.score(past((2, 1)), NOW)
    assert scores[[0, 1, 3]] == pytest.approx((unit @ unit[2])[[0, 1, 3]], abs=1e-6)


def test_content_takes_the_mean_of_both_readings() -> None:
    beside = np.random.default_rng(5).normal(size=(4, 6)).astype(np.float32)
    both = content.fit(replace(GROUND, characters=beside), {"half_life_days": 30.0})
    first = content.fit(GROUND, {"half_life_days": 30.0}).score(past((2, 1)), NOW)
    second = content.fit(replace(GROUND, text=beside), {"half_life_days": 30.0})
    mean = (first + second.score(past((2, 1)), NOW)) / 2
    assert both.score(past((2, 1)), NOW) == pytest.approx(mean, abs=1e-6)
    again = content.restore(both.tensors(), both.settings())
    assert np.array_equal(again.score(past((2, 1)), NOW), both.score(past((2, 1)), NOW))


def test_an_event_of_negative_weight_pushes_its_neighbours_down() -> None:
    source = neighbours.fit(GROUND, {"ridge": 0.5, "half_life_days": 30.0})
    liked = past((0, 1))
    disliked = Past(liked.item, liked.time, -liked.weight, liked.type, liked.value)
    assert source.score(disliked, NOW) == pytest.approx(-source.score(liked, NOW))


def _sequence() -> Source:
    import torch

    from training.engine.network import NetShape, Network
    from training.engine.sequence_objective import served

    torch.manual_seed(1)
    shape = NetShape(items=4, text=0, types=1, dim=8, layers=2, heads=2, length=5, dropout=0.0)
    return served(Network(shape, torch.ones(4)), None)


def made(name: str) -> Source:
    """The source as its own stage makes it, the learnt ones untrained."""
    kind = SOURCES[name]
    if kind.fit:
        return kind.fit(GROUND, kind.options[0])
    return _sequence() if kind.kind == "sequence" else content.fit(GROUND, {"half_life_days": 9.0})


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_restored_from_its_tensors_scores_the_same(name: str) -> None:
    source = made(name)
    again = SOURCES[name].restore(source.tensors(), source.settings())
    history = past((0, 3), (2, 1), (0, 0.5))
    assert again.score(history, NOW).tolist() == source.score(history, NOW).tolist()


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_scores_every_item_and_gives_every_asked_item_a_cause(name: str) -> None:
    source = made(name)
    history = past((0, 3), (2, 1))
    scores = source.score(history, NOW)
    assert scores.shape == (4,) and scores.dtype == np.float32 and np.isfinite(scores).all()
    assert source.level(scores, np.arange(4)).shape == (4,)
    assert len(source.causes(history, NOW, [3, 1])) == 2


@pytest.mark.parametrize("name", SOURCES)
def test_many_pasts_at_once_score_as_each_alone(name: str) -> None:
    """Pasts of different lengths, some longer than what the sequence model reads, and acts
    against items among them."""
    source = made(name)
    long = past(*((day % 4, float(day)) for day in range(1, 9)))
    pasts = [past((0, 3), (2, 1)), long, past((3, 2)), turned(past((1, 5), (2, 1)), -1, 1)]
    together = source.score_all(pasts * 5, NOW)
    assert together.shape == (20, 4) and together.dtype == np.float32
    for scores, each in zip(together, pasts * 5, strict=True):
        assert scores == pytest.approx(source.score(each, NOW), abs=1e-5)
