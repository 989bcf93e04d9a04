"""A whole run in a process of its own: what it leaves behind, and what it refuses."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.engine import engine_shop
from tests.training.engine.warm import Run
from training.engine import run
from training.engine.bundle import Bundle
from training.engine.sealed import read_sealed
from training.engine.sources import SOURCES
from training.engine.tasks.recommendation.pipeline import SHARES


def progress(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]


def test_a_run_leaves_a_whole_artifact_and_no_checkpoint(finished: Path) -> None:
    read_sealed(finished / "artifact")
    assert not (finished / "checkpoint").exists()
    assert not (finished / "error.json").exists()


def test_an_artifact_holds_safetensors_and_its_manifest_only(finished: Path) -> None:
    names = {path.name for path in (finished / "artifact").iterdir()}
    assert names == {"manifest.json", *engine_shop.manifest(finished)["files"]}
    assert all(name.endswith(".safetensors") for name in names - {"manifest.json"})


def test_every_source_and_the_fusion_have_their_figures(finished: Path) -> None:
    sources = engine_shop.manifest(finished)["sources"]
    assert [source["name"] for source in sources] == [*SOURCES, "fusion"]
    assert {s["name"]: s["skipped"] for s in sources if "skipped" in s} == {
        "content_matched": "no_new_items"
    }
    for source in (one for one in sources if "metrics" in one):
        for window in ("validation", "test"):
            figures = source["metrics"][window]
            assert 0.0 < figures["ndcg@10"] <= 1.0
            assert figures["subjects"] > 30


def test_what_serves_is_the_best_on_validation(finished: Path) -> None:
    manifest = engine_shop.manifest(finished)
    judged = [source for source in manifest["sources"] if "metrics" in source]
    figures = {s["name"]: s["metrics"]["validation"]["ndcg@10"] for s in judged}
    served = [s["name"] for s in manifest["sources"] if s["served"]]
    assert served == [manifest["serves"]]
    assert figures[manifest["serves"]] == max(figures.values())


def test_the_manifest_tells_how_probable_an_act_is(finished: Path) -> None:
    manifest = engine_shop.manifest(finished)
    told = manifest["probability"]
    assert told["days"] == manifest["split"]["days"] and told["slope"] > 0.0
    assert sum(count for _, _, count in told["curve"]) == told["pairs"]
    came_true = sum(share * count for _, share, count in told["curve"]) / told["pairs"]
    assert came_true == pytest.approx(told["base"], abs=1e-4)
    assert 0.5 < told["auc"] < 1.0 and told["log_loss"] < told["log_loss_of_base"]


def test_every_other_source_has_an_interval_against_what_serves(finished: Path) -> None:
    manifest = engine_shop.manifest(finished)
    for source in (one for one in manifest["sources"] if "metrics" in one):
        intervals = source["served_minus_this"]
        assert set(intervals) == (set() if source["served"] else {"validation", "test"})
        assert all(low <= centre <= high for low, centre, high in intervals.values())


def test_a_run_tells_its_lineage(finished: Path) -> None:
    manifest = engine_shop.manifest(finished)
    job = json.loads((finished / "job.json").read_text())
    assert manifest["snapshot"] == job["files"]
    assert (manifest["seed"], manifest["base_model"]["name"]) == (5, "tiny")
    assert re.fullmatch("[0-9a-f]{64}", manifest["code"])
    assert set(manifest["versions"]) >= {"python", "torch", "transformers", "peft", "numpy"}
    assert manifest["counts"] == {
        "events": len(engine_shop.purchases()),
        "subjects": engine_shop.SUBJECTS,
        "items": engine_shop.ITEMS,
    }


def test_every_parameter_is_resolved_in_the_manifest(finished: Path) -> None:
    params = engine_shop.manifest(finished)["params"]
    assert [name for name, value in params.items() if value is None] == []


def test_the_chosen_settings_of_every_quickly_fitted_source_are_told(finished: Path) -> None:
    """Ridge and share of text among them, whether the source serves or not; what is restored from
    its file needs only what it scores with, as in versions of an earlier release."""
    told = {one["name"]: one.get("settings") for one in engine_shop.manifest(finished)["sources"]}
    for name, kind in SOURCES.items():
        if kind.fit is None:
            assert told[name] is None
        else:
            assert set(told[name]) == set(kind.options[0])
    settings = told["neighbours_text"]
    assert settings["ridge"] > 0.0 and settings["text"] > 0.0
    files = {"link": np.zeros((1, 1), np.int32), "strength": np.zeros((1, 1), np.float16)}
    restore = SOURCES["neighbours_text"].restore
    older = restore(files, {"half_life_days": settings["half_life_days"]})
    assert older.settings() == restore(files, settings).settings()


def test_what_auto_came_to_is_told_for_the_training_loops(finished: Path) -> None:
    sources = engine_shop.manifest(finished)["sources"]
    trained = {s["name"]: s["training"]["epochs"] for s in sources if "training" in s}
    assert trained == {"sequence": 2.0, "sequence_finetuned": 1.0}


def test_the_adapter_is_stored_so_that_the_encoder_can_be_rebuilt(finished: Path) -> None:
    from training.engine.tensors import open_tensors

    rebuild = open_tensors(finished / "artifact" / "rebuild.safetensors")
    adapter = [name for name in rebuild if name.startswith("adapter.")]
    assert any("lora_A" in name for name in adapter) and any("lora_B" in name for name in adapter)
    assert all(rebuild[name].any() for name in adapter)


def test_progress_passes_through_every_stage_and_only_grows(finished: Path) -> None:
    lines = [line for line in progress(finished) if "stage" in line]
    stages = list(dict.fromkeys(line["stage"] for line in lines))
    assert stages == [*SHARES, "done"]
    fractions = [line["fraction"] for line in lines]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0


def test_progress_draws_the_curves_of_both_training_loops(finished: Path) -> None:
    points = {(line["series"], line["metric"]) for line in progress(finished) if "metric" in line}
    assert points >= {
        ("sequence", "loss"),
        ("sequence", "valid_ndcg@10"),
        ("finetune", "loss"),
        ("finetune", "valid_ndcg@10"),
    }


def test_standard_output_carries_the_same_lines(
    finished: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import sys

    from training.engine.progress import Progress

    told = Progress(tmp_path, {"one": 1.0}, sys.stdout)
    told.stage("one")
    told.metric("loss", "one", 3, 0.5)
    told.finish()
    told.close()
    assert capfd.readouterr().out == (tmp_path / "progress.jsonl").read_text()


def test_a_finished_folder_is_left_as_it_is(finished: Path) -> None:
    before = (finished / "artifact" / "manifest.json").stat().st_mtime_ns
    assert run.main([str(finished)]) == run.DONE
    assert (finished / "artifact" / "manifest.json").stat().st_mtime_ns == before


def test_the_same_inputs_give_the_same_weights(
    finished: Path, tmp_path: Path, tiny_base: str
) -> None:
    again = engine_shop.write_job(tmp_path / "again", base=tiny_base)
    assert engine_shop.start(again).wait() == run.DONE
    assert engine_shop.weight_hashes(again) == engine_shop.weight_hashes(finished)


def test_a_refused_job_says_why_and_leaves_its_files(tmp_path: Path, tiny_base: str) -> None:
    folder = engine_shop.write_job(
        tmp_path / "one", base=tiny_base, events=engine_shop.purchases(subjects=1)
    )
    before = (folder / "events.parquet").read_bytes()
    assert Run(folder).wait() == run.BAD_INPUT
    error = json.loads((folder / "error.json").read_text())
    assert (error["code"], error["param"]) == ("too_little_data", "events.parquet")
    assert (folder / "events.parquet").read_bytes() == before
    assert not (folder / "artifact").exists()


def test_a_base_model_that_is_not_here_is_refused(tmp_path: Path) -> None:
    folder = engine_shop.write_job(tmp_path / "job", base=str(tmp_path / "nowhere"))
    assert Run(folder).wait() == run.BAD_INPUT
    assert json.loads((folder / "error.json").read_text())["code"] == "base_model_missing"


def test_texts_that_the_base_cannot_read_are_not_used_silently(
    tmp_path: Path, tiny_base: str
) -> None:
    titles = [
        f"{'茶杯灯包钟卡红蓝'[item % 8]}{'小大新旧'[item // 8]}"
        for item in range(engine_shop.ITEMS)
    ]
    folder = engine_shop.write_job(
        tmp_path / "job", base=tiny_base, catalogue=engine_shop.items(titles)
    )
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    manifest = engine_shop.manifest(folder)
    sources = {source["name"]: source for source in manifest["sources"]}
    assert (manifest["readable_share"], manifest["language_note"]) == (0.0, "read_by_characters")
    assert manifest["texts_read_by"] == "character-n-grams"
    assert sources["content"]["metrics"]["test"]["ndcg@10"] > 0.0
    assert sources["sequence_finetuned"]["skipped"] == "read_by_characters"
    assert "characters.safetensors" in manifest["files"]
    assert sources["sequence"]["metrics"]["test"]["ndcg@10"] > 0.0
    assert Bundle.load(folder / "artifact").serves in sources
