"""Figures by declared groups: what is counted, what is left out, and that no source sees them."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

from tests.training.engine import engine_shop
from tests.training.engine.warm import Run
from training.engine import run
from training.engine.bundle import Bundle
from training.engine.evaluate import Judged, Reader
from training.engine.failures import JobError
from training.engine.features.facts import ItemFacts
from training.engine.groups import GROUP_FILES, Groups, Kind, read_groups
from training.engine.sealed import sha256_of
from training.engine.snapshot import Catalogue, Events, read_snapshot
from training.engine.split import Cases, Window
from training.engine.tasks.recommendation.fairness import (
    groups_record,
    part_exposure,
    part_quality,
)

COUNTRIES = ("north", "south", "island")
SHELVES = ("front", "back")


def country(subject: int) -> int:
    """Half of the people each, less three islanders: too few to be shown."""
    return 2 if subject < 3 else subject % 2


def shelf(item: int) -> int:
    return 0 if item < 12 else 1


def declare(folder: Path, *, kinds: dict[str, Any] | None = None) -> dict[str, str]:
    """Write the group files of the shop into a job's folder; their hashes by name."""
    names = {
        "subjects": {"key": "country", "names": COUNTRIES},
        "items": {"key": "attributes.shelf", "names": SHELVES},
    }
    (folder / "groups.json").write_text(json.dumps(kinds or names))
    people = range(engine_shop.SUBJECTS)
    # Everybody came from the north once, so that only what was told last gives these groups.
    told = [(1000 + one, engine_shop.START, 0) for one in people]
    told += [(1000 + one, engine_shop.START + timedelta(days=8), country(one)) for one in people]
    # What is told within the held-out weeks is of no account.
    told += [(1000 + one, engine_shop.START + timedelta(weeks=15, days=3), 2) for one in people]
    pl.DataFrame(
        sorted(told),
        schema={"subject": pl.Int64, "since": pl.Datetime("us", "UTC"), "group": pl.Int16},
        orient="row",
    ).write_parquet(folder / "subject_groups.parquet")
    pl.DataFrame(
        [(101 + item, shelf(item)) for item in range(engine_shop.ITEMS)],
        schema={"item": pl.Int64, "group": pl.Int16},
        orient="row",
    ).write_parquet(folder / "item_groups.parquet")
    return {name: sha256_of(folder / name) for name in GROUP_FILES}


@pytest.fixture(scope="module")
def grouped(tmp_path_factory, tiny_base) -> Path:
    """The same job as `finished`, with groups declared."""
    folder = engine_shop.write_job(tmp_path_factory.mktemp("grouped") / "job", base=tiny_base)
    order = json.loads((folder / "job.json").read_text())
    order["files"] |= declare(folder)
    (folder / "job.json").write_text(json.dumps(order))
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    return folder


def test_declaring_groups_changes_no_byte_of_what_is_learned_or_served(finished, grouped):
    assert engine_shop.weight_hashes(grouped) == engine_shop.weight_hashes(finished)
    assert engine_shop.manifest(finished)["groups"] is None
    worlds = [engine_shop.manifest(one)["units"]["world"] for one in (finished, grouped)]
    assert worlds[0] == worlds[1]


def test_the_files_of_the_groups_are_part_of_the_lineage(grouped):
    told = engine_shop.manifest(grouped)["snapshot"]
    assert {name: told[name] for name in GROUP_FILES} == {
        name: sha256_of(grouped / name) for name in GROUP_FILES
    }


def test_quality_by_groups_is_the_mean_over_the_people_of_each(grouped):
    manifest = engine_shop.manifest(grouped)
    figures = load_file(grouped / "artifact" / "units.safetensors")
    of = np.array([country(int(unit)) for unit in figures["unit"]])
    served = figures[f"ndcg10.{manifest['serves']}"]
    islanders = int((of == 2).sum())
    assert 0 < islanders < 10
    counts = {COUNTRIES[code]: int((of == code).sum()) for code in (0, 1)}
    # The islanders' figure would follow from the others', so the smaller group is left out, too.
    smaller = min(counts, key=lambda name: counts[name])
    larger = next(name for name in counts if name != smaller)
    mean = served[of == COUNTRIES.index(larger)].mean()
    assert manifest["groups"]["quality"] == {
        larger: {"count": counts[larger], "value": pytest.approx(mean, abs=1e-5)}
    }
    assert manifest["groups"]["too_few"]["quality"] == 2


def test_exposure_by_groups_is_what_the_bundles_own_answers_give_less_what_was_taken(grouped):
    """Told again by hand from the snapshot: the places of each held-out person by what serves."""
    manifest = engine_shop.manifest(grouped)
    window = next(w for w in manifest["split"]["windows"] if w["name"] == "test")
    rows = pl.read_parquet(grouped / "events.parquet").sort("subject", "occurred_at")
    start = pl.lit(window["start"]).str.to_datetime(time_zone="UTC")
    end = pl.lit(window["end"]).str.to_datetime(time_zone="UTC")
    inside = rows.filter((pl.col("occurred_at") >= start) & (pl.col("occurred_at") < end))
    taken = []
    for _, own in inside.group_by("subject", maintain_order=True):
        shares = [shelf(item - 101) for item in own["item"].unique()]
        taken.append(sum(code == 0 for code in shares) / len(shares))
    found = manifest["groups"]["exposure"]
    assert {name: line["count"] for name, line in found.items()} == {"front": 12, "back": 12}
    # Every place is on one of the two shelves, and so is all that was taken.
    assert found["front"]["value"] == pytest.approx(-found["back"]["value"], abs=2e-5)
    given = found["front"]["value"] + np.mean(taken)
    assert 0.0 <= given <= 1.0
    assert manifest["groups"]["keys"] == {"quality": "country", "exposure": "attributes.shelf"}


def test_every_source_has_its_own_figures_by_groups(grouped):
    manifest = engine_shop.manifest(grouped)
    told = manifest["groups"]["sources"]
    assert set(told) == {s["name"] for s in manifest["sources"] if "metrics" in s}
    served = told[manifest["serves"]]["exposure"]
    assert served == {n: g["value"] for n, g in manifest["groups"]["exposure"].items()}


def test_a_bundle_with_groups_still_loads(grouped):
    assert Bundle.load(grouped / "artifact").serves == engine_shop.manifest(grouped)["serves"]


def cases_of(targets: list[list[int]], items: int) -> Cases:
    people = len(targets)
    return Cases(
        window=Window("test", 100.0, 200.0),
        subjects=np.arange(people),
        ends=np.arange(1, people + 1),
        targets=tuple(np.array(one) for one in targets),
        candidates=np.ones(items, dtype=np.bool_),
        unreachable=0,
    )


def made(
    codes: list[int], values: list[float], *, items: list[int], tops: list[list[int]],
    targets: list[list[int]], names: tuple[str, ...] = ("a", "b", "c"),
):  # fmt: skip
    """Groups, reader and verdict of a run made by hand: one event of each person at time 50."""
    people = len(codes)
    number = np.arange(people)
    told = number[np.array(codes) >= 0]
    groups = Groups(
        Kind("country", names), Kind("category", names), np.array(items), told,
        np.full(len(told), 50.0), np.array(codes)[told],
    )  # fmt: skip
    events = Events(
        subject=number, item=np.zeros(people, np.int64), time=np.full(people, 50.0),
        weight=np.ones(people, np.float32), type=np.ones(people, np.int64),
        value=np.zeros(people, np.float32),
        offsets=np.arange(people + 1), types=("purchase",),
    )  # fmt: skip
    padded = np.array([[*top, *[-1] * (10 - len(top))] for top in tops])
    figures = np.zeros((people, 4))
    figures[:, 0] = values
    judged = Judged({"one": figures}, {"one": 1.0}, {"one": padded}, {})
    facts = ItemFacts.unknown(len(items))
    return groups, Reader(events, cases_of(targets, len(items)), True, 10, facts), judged


FEW_ITEMS = {"items": [0], "tops": [[0]] * 40, "targets": [[0]] * 40}


def test_a_gap_that_chance_explains_has_a_high_chance_and_a_true_one_a_low_one():
    dice = np.random.default_rng(3)
    noise = dice.uniform(0.0, 1.0, 40)
    given = made([0, 1] * 20, list(noise), **FEW_ITEMS)
    assert part_quality(*given, "one", seed=1).chance > 0.2
    given = made([0, 1] * 20, [0.1, 0.5] * 20, **FEW_ITEMS)
    assert part_quality(*given, "one", seed=1).chance == pytest.approx(1 / 1001)


def test_s37_groups_of_nine_are_left_out_and_groups_of_ten_are_not():
    codes = [0] * 10 + [1] * 9 + [2] * 20 + [-1] * 1
    found = part_quality(*made(codes, [0.5] * 40, **FEW_ITEMS), "one", seed=1)
    assert found.counts.tolist() == [10, 9, 20]
    assert found.of("one") == {"a": 0.5, "c": 0.5}


def test_s37_the_few_cannot_be_reckoned_from_the_others():
    codes = [0] * 15 + [1] * 20 + [2] * 5
    found = part_quality(*made(codes, [0.5] * 40, **FEW_ITEMS), "one", seed=1)
    assert found.of("one") == {"b": 0.5}


def test_one_group_alone_has_no_gap():
    found = part_quality(*made([0] * 40, [0.5] * 40, **FEW_ITEMS), "one", seed=1)
    assert (found.of("one"), found.chance) == ({"a": 0.5}, 1.0)


def test_a_higher_place_counts_more_and_everybody_counts_alike():
    """Twelve people are shown an item of a above one of b; each took one of b, six another, too."""
    items = [0] * 10 + [1] * 10 + [-1]
    targets = [[10]] * 6 + [[10, 20]] * 6
    given = made(
        [0] * 12, [0.0] * 12, items=items, tops=[[0, 10]] * 12, targets=targets, names=("a", "b")
    )
    found = part_exposure(*given, "one", seed=1)
    second = 1 / np.log2(3)
    assert found.counts.tolist() == [10, 10]
    assert found.of("one") == {
        "a": pytest.approx(1 / (1 + second), abs=1e-5),
        "b": pytest.approx(second / (1 + second) - (6 * 1.0 + 6 * 0.5) / 12, abs=1e-5),
    }


def test_exposure_that_follows_what_is_taken_up_is_even_and_lopsided_exposure_is_no_chance():
    items, dice = [0] * 10 + [1] * 10, np.random.default_rng(2)
    taken = [[int(item)] for item in dice.integers(0, 20, 40)]
    even = made([0] * 40, [0.0] * 40, items=items, tops=taken, targets=taken, names=("a", "b"))
    assert part_exposure(*even, "one", seed=1).of("one") == {"a": 0.0, "b": 0.0}
    tops = [list(range(10))] * 40
    lopsided = made([0] * 40, [0.0] * 40, items=items, tops=tops, targets=taken, names=("a", "b"))
    assert part_exposure(*lopsided, "one", seed=1).chance == pytest.approx(1 / 1001)


def test_a_person_who_was_shown_nothing_counts_on_neither_side():
    items = [0] * 10 + [1] * 10
    tops, targets = [[0]] * 11 + [[]], [[0]] * 11 + [[10]]
    given = made([0] * 12, [0.0] * 12, items=items, tops=tops, targets=targets, names=("a", "b"))
    assert part_exposure(*given, "one", seed=1).of("one") == {"a": 0.0, "b": 0.0}


def test_where_only_people_or_only_items_are_parted_nothing_is_told_of_the_others():
    groups, reader, judged = made([0, 1] * 20, [0.5] * 40, **FEW_ITEMS)
    no_items = replace(groups, items=Kind("", ()), item=np.array([-1]))
    record = groups_record(no_items, reader, judged, "one", seed=1)
    assert (record["exposure"], record["too_few"]["exposure"]) == ({}, 0)
    assert set(record["quality"]) == {"a", "b"}
    nobody = np.empty(0, np.int64)
    no_people = replace(
        groups, subjects=Kind("", ()), subject=nobody, since=np.empty(0), code=nobody
    )
    record = groups_record(no_people, reader, judged, "one", seed=1)
    assert (record["quality"], record["too_few"]["quality"]) == ({}, 0)
    assert record["chance"] == {"quality": 1.0, "exposure": 1.0}


def test_a_ranking_that_showed_nobody_anything_has_no_exposure():
    items = [0] * 10 + [1] * 10
    groups, reader, judged = made(
        [0] * 12, [0.0] * 12, items=items, tops=[[0]] * 12, targets=[[0]] * 12, names=("a", "b")
    )
    silent = Judged(
        {**judged.figures, "two": judged.figures["one"]},
        {**judged.coverage, "two": 0.0},
        {**judged.tops, "two": np.full((12, 10), -1)},
        {},
    )
    record = groups_record(groups, reader, silent, "one", seed=1)
    assert record["sources"]["two"]["exposure"] == {}
    assert record["sources"]["one"]["exposure"] == {"a": 0.0, "b": 0.0}
    assert groups_record(groups, reader, silent, "two", seed=1)["exposure"] == {}


def test_exposure_is_not_told_of_fewer_than_ten_people_nor_of_fewer_than_ten_items():
    items = [0] * 10 + [1] * 9
    few = made([0] * 9, [0.0] * 9, items=items, tops=[[0]] * 9, targets=[[0]] * 9, names=("a", "b"))
    record = groups_record(*few, "one", seed=1)
    assert (record["quality"], record["exposure"]) == ({}, {})
    many = made(
        [0] * 12, [0.0] * 12, items=items, tops=[[0]] * 12, targets=[[0]] * 12, names=("a", "b")
    )
    record = groups_record(*many, "one", seed=1)
    assert record["exposure"] == {"a": {"count": 10, "value": 0.0}}
    assert record["too_few"] == {"quality": 1, "exposure": 1}


def test_what_counts_is_what_was_last_told_before_the_moment():
    told = Groups(
        Kind("country", ("x", "y")), Kind("", ()), np.empty(0, np.int64),
        np.array([0, 0, 0, 2]), np.array([1.0, 5.0, 9.0, 3.0]), np.array([0, 1, 0, 1]),
    )  # fmt: skip
    people = np.array([0, 1, 2])
    assert told.of_subjects(people, 9.0).tolist() == [1, -1, 1]
    assert told.of_subjects(people, 3.0).tolist() == [0, -1, -1]
    assert told.of_subjects(people, 100.0).tolist() == [0, -1, 1]


@pytest.mark.parametrize(
    "fault", ["a name is missing", "an item is unknown", "a subject is unknown", "no JSON"]
)
def test_files_that_do_not_fit_each_other_are_refused(tmp_path, tiny_base, fault):
    folder = engine_shop.write_job(tmp_path / "job", base=tiny_base)
    files = declare(folder)
    if fault == "no JSON":
        (folder / "groups.json").write_text("{")
    elif fault == "a name is missing":
        kinds = {"subjects": {"key": "c", "names": ["x"]}, "items": {"key": "d", "names": SHELVES}}
        declare(folder, kinds=kinds)
    elif fault == "an item is unknown":
        pl.DataFrame({"item": [1], "group": [0]}).write_parquet(folder / "item_groups.parquet")
    else:
        frame = pl.read_parquet(folder / "subject_groups.parquet")
        frame.with_columns(pl.col("subject") + 5_000).write_parquet(
            folder / "subject_groups.parquet"
        )
    catalogue: Catalogue = read_snapshot(folder).catalogue
    with pytest.raises(JobError) as refused:
        read_groups(folder, files, catalogue)
    assert refused.value.code == "bad_snapshot"


def test_an_altered_file_of_groups_stops_the_job(tmp_path, tiny_base):
    folder = engine_shop.write_job(tmp_path / "job", base=tiny_base)
    order = json.loads((folder / "job.json").read_text())
    order["files"] |= declare(folder)
    (folder / "job.json").write_text(json.dumps(order))
    with (folder / "item_groups.parquet").open("ab") as file:
        file.write(b"x")
    assert run.main([str(folder)]) == run.BAD_INPUT
    assert json.loads((folder / "error.json").read_text())["code"] == "snapshot_damaged"


def test_the_chances_are_the_same_at_every_run():
    values = list(np.random.default_rng(4).uniform(size=40))
    chances = {
        part_quality(*made([0, 1] * 20, values, **FEW_ITEMS), "one", seed=7).chance
        for _ in range(3)
    }
    assert len(chances) == 1
