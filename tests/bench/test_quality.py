"""The benchmark's protocol, intervals and rivals against slow versions, in a made-up world."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from tests.bench.quality.bootstrap import paired_ratio
from tests.bench.quality.contender import Study
from tests.bench.quality.datasets import DATASETS, scientific
from tests.bench.quality.engine_run import write_job
from tests.bench.quality.judging import ground_of, judge_all
from tests.bench.quality.protocol import Asked, Task, ask
from tests.bench.quality.rivals import ease, knn, own, popularity, transformers
from tests.bench.quality.tasks import TASKS
from tests.bench.quality.world import (
    STEP_END,
    DataMissing,
    World,
    before,
    catalogue_of,
    events_of,
    steps_as_time,
)
from training.engine.arrays import DAY, I64
from training.engine.metrics import judge
from training.engine.snapshot import Snapshot, read_snapshot

DRAWS = np.random.default_rng(11)
SUBJECTS, ITEMS, COUNT = 12, 9, 160
ROWS = [
    (int(subject), int(item), float(time))
    for subject, item, time in zip(
        DRAWS.integers(0, SUBJECTS, COUNT),
        DRAWS.integers(0, ITEMS, COUNT),
        DRAWS.integers(0, 40, COUNT) * DAY / 2,
        strict=True,
    )
]


def small_world() -> World:
    subject, item, time = (np.array(column) for column in zip(*ROWS, strict=True))
    first = np.array([min(t for _, i, t in ROWS if i == each) for each in range(ITEMS)])
    catalogue = catalogue_of([f"item {n}" for n in range(ITEMS)], [""] * ITEMS, None, first)
    events = events_of(subject, item, time)
    return World("small", Snapshot(catalogue, events), np.arange(ITEMS) % 3, "", (5.0,), "")


WORLD = small_world()
MOMENT = 12 * DAY


def task(*, repeats: bool, days: float = 3.0) -> Task:
    return Task("small", "small", repeats, (8 * DAY,), (MOMENT,), days)


def study(moment: float = MOMENT) -> Study:
    return Study(before(WORLD, moment), moment, True, 3.0, 0, "small")


def asked(*, repeats: bool = True) -> Asked:
    return ask(WORLD, task(repeats=repeats), MOMENT, final=True)


@pytest.mark.parametrize("repeats", [True, False])
def test_questions_are_those_that_a_slow_reading_finds(repeats: bool) -> None:
    known = {item for item in range(ITEMS) if min(t for _, i, t in ROWS if i == item) < MOMENT}
    slow = {}
    for subject in range(SUBJECTS):
        met = {i for s, i, t in ROWS if s == subject and t < MOMENT}
        next_ = {i for s, i, t in ROWS if s == subject and MOMENT <= t < MOMENT + 3 * DAY}
        wanted = (next_ & known) - (set() if repeats else met)
        if met and wanted:
            slow[subject] = (wanted, known - (set() if repeats else met))
    found = asked(repeats=repeats)
    assert {
        int(subject): (
            set(found.targets[row].tolist()),
            set(np.flatnonzero(found.allowed(row)).tolist()),
        )
        for row, subject in enumerate(found.subjects)
    } == slow


def test_no_past_and_no_study_holds_a_later_event() -> None:
    found = asked()
    assert all((past.time < MOMENT).all() for past in found.pasts)
    assert (before(WORLD, MOMENT).events.time < MOMENT).all()
    assert [len(past) for past in found.pasts] == [
        min(500, sum(1 for s, _, t in ROWS if s == subject and t < MOMENT))
        for subject in found.subjects
    ]


def test_counts_of_recent_events_end_at_the_moment() -> None:
    slow = [sum(1 for _, i, t in ROWS if i == each and MOMENT - 4 * DAY <= t < MOMENT) for each in range(ITEMS)]  # fmt: skip # noqa: E501
    assert asked().recent(4.0).tolist() == slow


def test_steps_put_the_last_act_of_everybody_behind_the_test_moment() -> None:
    time = steps_as_time(np.array([0, 3, 5], dtype=np.int64))
    assert ((time - STEP_END) / DAY).tolist() == [-1.5, -0.5, 0.5, -0.5, 0.5]


def test_cold_items_have_no_event_before_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    subject, item = np.repeat(np.arange(40), 5), DRAWS.integers(0, 30, 200)
    monkeypatch.setattr(scientific, "_sequences", lambda: (subject, item))
    monkeypatch.setattr(scientific, "_texts", lambda: [f"thing {n}" for n in range(30)])
    world, cold = scientific.read_cold(), scientific.cold_items(30)
    early = world.snapshot.events.time < STEP_END
    assert not np.isin(world.snapshot.events.item[early], cold).any()
    whole = next(each for each in TASKS if each.name == "scientific_cold_only")
    found = ask(world, whole, STEP_END, final=True)
    assert set(np.flatnonzero(found.open)) == set(cold.tolist())
    assert np.isin(np.concatenate(found.targets), cold).all()


def test_a_missing_data_set_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(DataMissing, match="ml-latest-small"):
        DATASETS["movielens"]()


class _Perfect:
    def rank(self, asked: Asked) -> I64:
        ranked = np.full((len(asked), 20), -1, dtype=np.int64)
        for row, targets in enumerate(asked.targets):
            ranked[row, : len(targets)] = targets[:20]
        return ranked


def test_who_knows_the_future_scores_one() -> None:
    verdict = judge_all(_Perfect(), [asked()], ground_of(WORLD, MOMENT, np.eye(ITEMS, dtype=np.float32)))  # fmt: skip # noqa: E501
    assert verdict.ndcg.tolist() == pytest.approx([1.0] * len(verdict.subjects))


def test_a_ratio_draws_people_with_all_their_questions() -> None:
    subjects = np.array([5, 5, 5, 9, 9, 2])
    ours, theirs = DRAWS.random(6), DRAWS.random(6)
    people = [np.flatnonzero(subjects == each) for each in (2, 5, 9)]
    slow_draws = np.random.default_rng(1)
    slow = []
    for _ in range(20_000):
        rows = np.concatenate([people[index] for index in slow_draws.integers(0, 3, 3)])
        slow.append(ours[rows].sum() / theirs[rows].sum())
    found = paired_ratio(ours, theirs, subjects, seed=3)
    assert found.centre == pytest.approx(ours.sum() / theirs.sum())
    assert (found.low, found.high) == pytest.approx(np.quantile(slow, [0.025, 0.975]), rel=0.02)


def test_a_ratio_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="found nothing"):
        paired_ratio(np.ones(3), np.zeros(3), np.arange(3), seed=1)


def test_equal_figures_have_a_ratio_of_one_without_width() -> None:
    found = paired_ratio(np.ones(9), np.ones(9), np.arange(9), seed=1)
    assert found.as_list() == [1.0, 1.0, 1.0]


def _dense(moment: float, *, binary: bool) -> np.ndarray:
    taken = np.zeros((SUBJECTS, ITEMS))
    for subject, item, time in ROWS:
        if time < moment:
            taken[subject, item] += 1.0
    return (taken > 0).astype(float) if binary else np.sqrt(taken)


def test_ease_is_the_closed_form() -> None:
    settings = {"ridge": 3.0, "binary": True, "memory": 36_500.0}
    taken = _dense(MOMENT, binary=True)
    inverse = np.linalg.inv(taken.T @ taken + 3.0 * np.eye(ITEMS))
    weight = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(weight, 0.0)
    assert ease.EASE.learn(study(), settings) == pytest.approx(weight, abs=1e-4)


def test_item_neighbours_are_shrunk_cosines() -> None:
    links = knn.KNN.learn(study(), {"shrink": 2.0}).toarray()
    taken = _dense(MOMENT, binary=False)
    norm = np.linalg.norm(taken, axis=0)
    slow = (taken.T @ taken) / (np.outer(norm, norm) + 2.0)
    np.fill_diagonal(slow, 0.0)
    assert links == pytest.approx(slow, abs=1e-4)


def test_own_counts_rank_by_what_was_bought_again_and_lately() -> None:
    ranked = own.OWN.answer(None, {"half_life": 5.0}).rank(asked())
    for row, past in enumerate(asked().pasts):
        amount = np.zeros(ITEMS)
        for item, time in zip(past.item, past.time, strict=True):
            amount[item] += 0.5 ** ((MOMENT - time) / DAY / 5.0)
        met = int((amount > 0).sum())
        listed = ranked[row][:met]
        assert (np.diff(amount[listed]) <= 1e-9).all()


def test_popularity_ranks_by_counts() -> None:
    counts = asked().recent(4.0)
    ranked = popularity.RECENT.answer(None, {"days": 4.0}).rank(asked())
    listed = ranked[0][ranked[0] >= 0]
    assert (np.diff(counts[listed]) <= 0).all()
    assert judge(ranked[0], asked().targets[0]).shape == (4,)


def test_acts_of_one_moment_reach_the_neural_rivals_in_an_order_that_tells_nothing() -> None:
    events = WORLD.snapshot.events
    order = transformers.in_order(events.subject, events.time, seed=0)
    keys = list(zip(events.subject[order], events.time[order], strict=True))
    assert keys == sorted(keys)
    assert sorted(order.tolist()) == list(range(len(order)))
    together = [(a, b) for a, b in pairwise(order.tolist()) if events.time[a] == events.time[b]]
    rising = [events.item[a] < events.item[b] for a, b in together]
    assert any(rising) and not all(rising)


def test_the_engines_job_folder_holds_the_same_events(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    known = before(WORLD, MOMENT)
    write_job(folder, known, {"seed": 1, "params": {}})
    back = read_snapshot(folder)
    assert back.events.item.tolist() == known.events.item.tolist()
    assert back.events.time == pytest.approx(known.events.time, abs=1e-3)
    assert back.catalogue.title == known.catalogue.title


def test_what_rivals_load_needs_no_library_of_the_engines_files() -> None:
    """They run in an environment of their own, with other releases of the same libraries."""
    look = (
        "import sys, tests.bench.quality.one;"
        "print({'safetensors', 'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_neural_rivals_read_as_many_acts_as_people_have_up_to_a_bound() -> None:
    few = np.repeat(np.arange(200), 3)
    many = np.concatenate([few, np.full(500, 200), np.full(500, 201), np.full(500, 202)])
    assert transformers.longest(few, quick=False) == 3
    assert transformers.longest(many, quick=False) == transformers.LONGEST[False]
    assert transformers.longest(many, quick=True) == transformers.LONGEST[True]
