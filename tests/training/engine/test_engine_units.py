"""The figures of single held-out subjects, and how what serves now is judged on the same ones."""

import json
import random
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.training.engine import engine_shop
from tests.training.engine.warm import Run
from training.engine import run
from training.engine.bundle import Bundle
from training.engine.evaluate import Reader, judge_window
from training.engine.sealed import sha256_of
from training.engine.snapshot import read_snapshot
from training.engine.sources import content, neighbours
from training.engine.sources.source import Ground
from training.engine.split import split
from training.engine.tasks.recommendation.champion import (
    as_judged,
    judge_champion,
    known_until,
    open_champion,
)
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
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    return folder


def test_every_source_has_a_figure_for_every_held_out_subject(finished):
    manifest, figures = engine_shop.manifest(finished), units(finished)
    count = manifest["units"]["count"]
    assert all(len(values) == count for values in figures.values())
    for source in (one for one in manifest["sources"] if "metrics" in one):
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
    """The champion beside itself: what was fitted up to the end of the data is fitted again.

    Here nothing serves that cannot be; the test below is of what cannot."""
    folder = engine_shop.write_job(
        tmp_path / "again", base=tiny_base, champion=str(finished / "artifact")
    )
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    figures, serves = units(folder), engine_shop.manifest(folder)["serves"]
    assert np.array_equal(figures["champion"], figures[f"ndcg10.{serves}"])
    assert np.array_equal(figures["unit"], units(finished)["unit"])
    worlds = [engine_shop.manifest(one)["units"]["world"] for one in (folder, finished)]
    assert worlds[0] == worlds[1]


def in_order() -> list[dict[str, Any]]:
    """Everybody takes up four items in one order, then four others: only a model of order knows
    which of those that go together comes next."""
    row, chance, rows = engine_shop.purchases()[0], random.Random(4), []
    for subject in range(160):
        at = 0
        for week in range(12):
            again = (week + subject) % 4 == 0
            at = chance.randrange(engine_shop.ITEMS) if again else (at + 7) % engine_shop.ITEMS
            moment = engine_shop.START + timedelta(weeks=week, hours=subject % 100)
            number = {"subject": 1000 + subject, "item": 101 + at}
            rows.append({**row, **number, "occurred_at": moment})
    return rows


def test_what_serves_is_renewed_and_kept_beside_as_it_was_judged(tmp_path, tiny_base) -> None:
    params = {**SHORT, "epochs": 20, "learning_rate": 0.02, "finetune_epochs": 0, "dim": 16}
    folder = engine_shop.write_job(
        tmp_path / "job", base=tiny_base, events=in_order(), params=params
    )
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    manifest, artifact = engine_shop.manifest(folder), folder / "artifact"
    told = manifest["refitted"]
    serving = {line["name"] for line in manifest["serving"]["sources"]}
    trained = {"sequence", "sequence_finetuned"} & serving
    assert trained, f"served by {manifest['serves']}"
    assert trained & set(told["sources"]) == set(told["judged_beside"]) == trained
    bundle = Bundle.load(artifact)
    judged = as_judged(bundle, artifact)
    for name, source in bundle.sources.items():
        same = all(
            np.array_equal(value, judged.sources[name].tensors()[key])
            for key, value in source.tensors().items()
        )
        assert same == (name not in trained), name
    validated = next(w["end"] for w in manifest["split"]["windows"] if w["name"] == "validation")
    assert known_until(judged) == moment_of(validated)


def moment_of(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()


def with_texts(finished: Path, vectors: np.ndarray, settings: dict[str, float]) -> Bundle:
    """The finished bundle, were it to serve neighbours that lean on texts."""
    bundle = Bundle.load(finished / "artifact")
    end = moment_of(bundle.manifest["refitted"]["until"])
    ground = Ground(read_snapshot(finished), end, vectors)
    sources = {
        **bundle.sources,
        "content": content.fit(ground, {"half_life_days": 10.0}),
        "neighbours_text": neighbours.fit(ground, settings),
    }
    records = [
        {**one, "settings": settings} if one["name"] == "neighbours_text" else one
        for one in bundle.manifest["sources"]
    ]
    manifest = {**bundle.manifest, "sources": records}
    return replace(bundle, manifest=manifest, sources=sources, serves="neighbours_text")


def test_neighbours_with_texts_are_fitted_again_on_what_lies_before_the_window(finished):
    vectors = np.random.default_rng(2).normal(size=(engine_shop.ITEMS, 6)).astype(np.float32)
    settings = {"ridge": 2.0, "text": 2.0, "half_life_days": 6.5}
    bundle, snapshot = with_texts(finished, vectors, settings), read_snapshot(finished)
    parts = split(snapshot, days=7.0, repeats=True)
    facts = snapshot.catalogue.facts
    reader = Reader(snapshot.events, parts.cases["test"], True, 500, facts)
    figures = judge_champion(bundle, snapshot, reader, lambda done, every: None)
    past = neighbours.fit(Ground(snapshot, parts.moment("test"), vectors), settings)
    blind = judge_window(reader, {"one": past}, None, lambda done, every: None).ndcg("one")
    seen = {"one": bundle.sources["neighbours_text"]}
    leaked = judge_window(reader, seen, None, lambda done, every: None).ndcg("one")
    assert np.array_equal(figures, blind)
    assert not np.array_equal(figures, leaked)


def test_what_cannot_be_fitted_again_counts_up_to_the_end_of_the_data(finished):
    vectors = np.ones((engine_shop.ITEMS, 2), dtype=np.float32)
    settings = {"ridge": 2.0, "text": 2.0, "half_life_days": 6.5}
    whole = with_texts(finished, vectors, settings)
    windows = {w["name"]: w for w in whole.manifest["split"]["windows"]}
    chosen, end = (
        moment_of(told)
        for told in (windows["validation"]["end"], whole.manifest["refitted"]["until"])
    )
    assert known_until(whole) == chosen < end
    without = {name: one for name, one in whole.sources.items() if name != "content"}
    assert known_until(replace(whole, sources=without)) == end
    older = [
        {key: told for key, told in one.items() if key != "settings"}
        for one in whole.manifest["sources"]
    ]
    assert known_until(replace(whole, manifest={**whole.manifest, "sources": older})) == end


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
