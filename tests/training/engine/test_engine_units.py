"""The figures of single held-out subjects, and how what serves now is judged on the same ones."""

import json
import random
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.training.engine import engine_shop
from training.engine import run
from training.engine.sealed import sha256_of
from training.engine.tasks.recommendation.champion import open_champion
from training.engine.tasks.recommendation.units import UNITS_FILE

# Trained anew with other data: the sequence model is what takes the time, so it is left short.
SHORT = {**engine_shop.QUICK, "epochs": 1, "finetune_epochs": 0}


def units(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "artifact" / UNITS_FILE)


def later(weeks: int) -> list[dict[str, object]]:
    """The shop's purchases and some more weeks of them, with an item that is new."""
    rows = engine_shop.purchases()
    chance = random.Random(9)
    for subject in range(engine_shop.SUBJECTS):
        for week in range(weeks):
            item = chance.randrange(engine_shop.ITEMS + 1)
            moment = engine_shop.START + timedelta(weeks=engine_shop.WEEKS + week, hours=item)
            rows.append({**rows[0], "subject": 1000 + subject, "item": 101 + item,
                         "occurred_at": moment})  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def challenger(tmp_path_factory, finished, tiny_base) -> Path:
    """A run on newer data that was told what serves."""
    catalogue = engine_shop.items([engine_shop.title(n) for n in range(engine_shop.ITEMS + 1)])
    folder = engine_shop.write_job(
        tmp_path_factory.mktemp("challenger") / "job",
        base=tiny_base,
        events=later(4),
        catalogue=catalogue,
        params=SHORT,
        champion=str(finished / "artifact"),
    )
    process = engine_shop.start(folder)
    assert process.wait() == run.DONE, (folder / "stderr.txt").read_text()
    return folder


def test_every_source_has_a_figure_for_every_held_out_subject(finished):
    manifest, figures = engine_shop.manifest(finished), units(finished)
    count = manifest["units"]["count"]
    assert all(len(values) == count for values in figures.values())
    for source in manifest["sources"]:
        mean = figures[f"ndcg10.{source['name']}"].mean()
        assert source["metrics"]["test"]["ndcg@10"] == pytest.approx(mean, abs=1e-5)


def test_subjects_are_positions_in_the_snapshot_and_no_ids(finished):
    unit = units(finished)["unit"]
    assert (np.diff(unit) > 0).all()
    assert unit.min() >= 0 and unit.max() < engine_shop.SUBJECTS


def test_a_run_without_a_champion_says_so(finished):
    assert engine_shop.manifest(finished)["champion"] is None
    assert "champion" not in units(finished)


def test_the_finished_bundle_is_timed(finished):
    latency = engine_shop.manifest(finished)["latency"]
    assert 0.0 < latency["p50_ms"] <= latency["p95_ms"]


def test_what_serves_is_judged_on_the_newer_runs_own_cases(finished, challenger):
    manifest, figures = engine_shop.manifest(challenger), units(challenger)
    assert manifest["champion"] == {
        "manifest_sha256": sha256_of(finished / "artifact" / "manifest.json"),
        "obstacle": "",
    }
    assert len(figures["champion"]) == manifest["units"]["count"]
    assert 0.0 < figures["champion"].mean() <= 1.0
    assert manifest["units"]["world"] != engine_shop.manifest(finished)["units"]["world"]


def test_the_same_recipe_on_the_same_data_gets_the_same_figures(finished, tmp_path, tiny_base):
    """The champion beside itself: what is refitted and what is taken as it is make one whole."""
    folder = engine_shop.write_job(
        tmp_path / "again", base=tiny_base, champion=str(finished / "artifact")
    )
    process = engine_shop.start(folder)
    assert process.wait() == run.DONE, (folder / "stderr.txt").read_text()
    figures, serves = units(folder), engine_shop.manifest(folder)["serves"]
    assert np.array_equal(figures["champion"], figures[f"ndcg10.{serves}"])
    assert np.array_equal(figures["unit"], units(finished)["unit"])
    worlds = [engine_shop.manifest(one)["units"]["world"] for one in (folder, finished)]
    assert worlds[0] == worlds[1]


def test_a_champion_that_saw_the_window_is_not_compared(finished):
    windows = {w["name"]: w for w in engine_shop.manifest(finished)["split"]["windows"]}
    found = open_champion(finished / "artifact", task="recommendation", test_start=1.0)
    assert windows and (found.bundle, found.obstacle) == (None, "saw_the_window")


def test_a_damaged_or_missing_champion_is_not_compared(tmp_path):
    missing = open_champion(tmp_path / "none", task="recommendation", test_start=0.0)
    assert (missing.bundle, missing.obstacle) == (None, "unreadable")
    save_file({"a": np.zeros(1)}, tmp_path / "a.safetensors")
    (tmp_path / "manifest.json").write_text(json.dumps({"files": {}}))
    assert open_champion(tmp_path, task="recommendation", test_start=0.0).obstacle == "unreadable"
