"""A run that is stopped or killed goes on, and ends as if it had not been."""

import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.training.engine import engine_shop
from tests.training.engine.warm import Run
from training.engine import run


def wait_for(folder: Path, process: Run, stage: str) -> None:
    """Until the run has entered a stage; fails if it ends before."""
    path = folder / "progress.jsonl"
    while not (path.exists() and f'"stage": "{stage}"' in path.read_text()):
        assert process.poll() is None, f"the run ended before {stage}"
        time.sleep(0.01)


@pytest.mark.parametrize("stage", ["encode", "sequence", "finetune"])
def test_a_stopped_run_goes_on_to_the_same_weights(
    finished: Path, tmp_path: Path, tiny_base: str, stage: str
) -> None:
    folder = engine_shop.write_job(tmp_path / "job", base=tiny_base)
    process = Run(folder)
    wait_for(folder, process, stage)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == run.STOPPED, (folder / "stderr.txt").read_text()
    assert not (folder / "artifact").exists()
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    assert engine_shop.weight_hashes(folder) == engine_shop.weight_hashes(finished)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, tiny_base: str) -> Path:
    """The folder of a run that was killed in its last stage, to be copied."""
    folder = engine_shop.write_job(tmp_path_factory.mktemp("killed") / "job", base=tiny_base)
    process = Run(folder)
    wait_for(folder, process, "finetune")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    return folder


def test_a_killed_run_goes_on_to_the_same_weights(
    finished: Path, killed: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(killed, tmp_path / "job")
    kept = sorted(path.name for path in (folder / "checkpoint").iterdir())
    assert "encode.00000001" in kept and "sequence.00000001" in kept
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    assert "checkpoint ignored" not in (folder / "stderr.txt").read_text()
    assert engine_shop.weight_hashes(folder) == engine_shop.weight_hashes(finished)


def test_a_damaged_checkpoint_is_not_trusted(finished: Path, killed: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(killed, tmp_path / "job")
    for state in (folder / "checkpoint").glob("*/state.safetensors"):
        content = bytearray(state.read_bytes())
        content[-1] ^= 1
        state.write_bytes(bytes(content))
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    assert "checkpoint ignored" in (folder / "stderr.txt").read_text()
    assert engine_shop.weight_hashes(folder) == engine_shop.weight_hashes(finished)


def test_a_damaged_artifact_is_made_again(finished: Path, tmp_path: Path, tiny_base: str) -> None:
    folder = engine_shop.write_job(tmp_path / "job", base=tiny_base)
    artifact = folder / "artifact"
    artifact.mkdir()
    (artifact / "manifest.json").write_text(json.dumps({"files": {"x": {"bytes": 1}}}))
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    assert engine_shop.weight_hashes(folder) == engine_shop.weight_hashes(finished)
