"""Windows of time that look at nothing from after their start."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.engine import engine_shop
from training.engine.failures import JobError
from training.engine.snapshot import Snapshot, read_snapshot
from training.engine.split import MIN_CASES, WINDOWS, absent_from, split


def snapshot_of(folder: Path, **contents: Any) -> Snapshot:
    return read_snapshot(engine_shop.write_job(folder / "job", base="tiny", **contents))


def bought(
    subject: int, item: int, day: float, kind: str = "purchase", weight: float = 1.0
) -> dict[str, Any]:
    moment = engine_shop.START + timedelta(days=day)
    row = engine_shop.purchases(1, 1)[0]
    return {
        **row,
        "subject": subject,
        "item": item,
        "occurred_at": moment,
        "type": kind,
        "weight": weight,
    }


def test_windows_follow_each_other_and_end_with_the_data(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path)
    parts = split(snapshot, days=14.0, repeats=None)
    windows = [parts.cases[name].window for name in WINDOWS]
    assert [w.end - w.start for w in windows] == [14 * 86400.0] * 3
    assert windows[0].end == windows[1].start and windows[1].end == windows[2].start
    assert windows[2].end == snapshot.events.time.max() + 1.0


def test_who_took_nothing_up_is_everybody_else_with_a_past(tmp_path: Path) -> None:
    kept = [row for row in engine_shop.purchases() if row["subject"] % 3 or row["item"] < 110]
    late = [bought(5_000, 103, 7.0 * engine_shop.WEEKS - 1.0)]  # has no past at the window's start
    snapshot = snapshot_of(tmp_path, events=kept + late)
    events = snapshot.events
    cases = split(snapshot, days=4.0, repeats=None).cases["test"]
    absent = absent_from(snapshot, cases)
    early = np.unique(events.subject[events.time < cases.window.start])
    assert len(absent) and not set(absent.subjects) & set(cases.subjects)
    assert set(absent.subjects) | set(cases.subjects) == set(early)
    for index, subject in enumerate(absent.subjects):
        past = events.past(int(subject), int(absent.ends[index]), 10_000)
        assert past.time.max() < cases.window.start and len(absent.targets[index]) == 0


def test_histories_end_where_the_window_starts_and_targets_lie_inside(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path)
    events = snapshot.events
    parts = split(snapshot, days=14.0, repeats=None)
    for cases in parts.cases.values():
        assert len(cases) > MIN_CASES
        for index in range(len(cases)):
            subject = int(cases.subjects[index])
            rows = slice(int(events.offsets[subject]), int(events.offsets[subject + 1]))
            past = events.past(subject, int(cases.ends[index]), 10_000)
            inside = (events.time[rows] >= cases.window.start) & (
                events.time[rows] < cases.window.end
            )
            assert len(past) == (events.time[rows] < cases.window.start).sum()
            assert past.time.max() < cases.window.start
            assert cases.targets[index].tolist() == sorted(set(events.item[rows][inside]))


def test_an_item_first_met_inside_a_window_is_neither_candidate_nor_target(tmp_path: Path) -> None:
    fresh = 101 + engine_shop.ITEMS
    last_week = 7.0 * engine_shop.WEEKS - 4.0
    rows = [*engine_shop.purchases(), *(bought(1000 + s, fresh, last_week) for s in range(20))]
    catalogue = engine_shop.items([engine_shop.title(i) for i in range(engine_shop.ITEMS + 1)])
    snapshot = snapshot_of(tmp_path, events=rows, catalogue=catalogue)
    parts = split(snapshot, days=14.0, repeats=None)
    test = parts.cases["test"]
    position = engine_shop.ITEMS
    assert not test.candidates[position] and test.candidates[:position].all()
    assert all(position not in targets for targets in test.targets)
    assert test.unreachable == 20


def test_an_item_listed_before_the_window_is_a_candidate_without_any_event(tmp_path: Path) -> None:
    catalogue = engine_shop.items([engine_shop.title(i) for i in range(engine_shop.ITEMS + 2)])
    catalogue[-2]["first_seen_at"] = engine_shop.START
    snapshot = snapshot_of(tmp_path, catalogue=catalogue)
    candidates = split(snapshot, days=14.0, repeats=None).cases["test"].candidates
    assert candidates[-2] and not candidates[-1]


def test_repeats_stay_candidates_where_subjects_buy_again(tmp_path: Path) -> None:
    parts = split(snapshot_of(tmp_path), days=14.0, repeats=None)
    assert parts.repeats
    assert parts.repeat_share > 0.5


def test_without_repeats_no_target_lies_in_the_history(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path)
    parts = split(snapshot, days=28.0, repeats=False)
    for cases in parts.cases.values():
        for index, targets in enumerate(cases.targets):
            past = snapshot.events.past(int(cases.subjects[index]), int(cases.ends[index]), 10_000)
            assert len(targets) and not np.isin(targets, past.item).any()


def test_purchases_are_the_goal_beside_lighter_views(tmp_path: Path) -> None:
    views = [{**row, "type": "view", "weight": 0.1} for row in engine_shop.purchases()]
    snapshot = snapshot_of(tmp_path, events=[*engine_shop.purchases(), *views])
    goal = split(snapshot, days=14.0, repeats=None).goal
    assert snapshot.events.types == ("purchase", "view")
    assert (goal == (snapshot.events.type == 1)).all()


def test_events_of_negative_weight_are_never_targets(tmp_path: Path) -> None:
    returns = [{**row, "type": "return", "weight": -1.0} for row in engine_shop.purchases()[:50]]
    snapshot = snapshot_of(tmp_path, events=[*engine_shop.purchases(), *returns])
    goal = split(snapshot, days=14.0, repeats=None).goal
    assert (goal == (snapshot.events.weight > 0)).all()


def test_too_few_subjects_are_refused_with_the_counts(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, events=engine_shop.purchases(subjects=1))
    with pytest.raises(JobError) as caught:
        split(snapshot, days=None, repeats=None)
    assert caught.value.code == "too_little_data"
    assert f"{len(snapshot.events)} events of 1 subjects on 24 items" in caught.value.message


def test_an_event_on_an_item_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        snapshot_of(tmp_path, events=[*engine_shop.purchases(), bought(1, 9_999, 1.0)])
    assert caught.value.code == "unknown_item"
    assert "9999" in caught.value.message


@pytest.mark.parametrize("column", ["occurred_at", "weight", "type"])
def test_an_event_without_a_needed_value_is_refused(tmp_path: Path, column: str) -> None:
    rows = [*engine_shop.purchases(), {**bought(1000, 101, 1.0), column: None}]
    with pytest.raises(JobError) as caught:
        snapshot_of(tmp_path, events=rows)
    assert (caught.value.code, caught.value.param) == ("bad_snapshot", "events.parquet")
    assert f"1 rows without {column}" in caught.value.message
