"""Sealed folders: whole or not there, and never trusted when a byte is off. Checkpoints stand on
them."""

from pathlib import Path

import numpy as np
import pytest

from training.engine.checkpoint import Checkpoints
from training.engine.sealed import Damaged, read_sealed, write_sealed
from training.engine.tensors import open_tensors

TENSORS = {
    "numbers": np.arange(6, dtype=np.int64).reshape(2, 3),
    "halves": np.array([0.5, -2.0], dtype=np.float16),
    "nothing": np.zeros((0, 4), dtype=np.float32),
    "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
}


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    write_sealed(tmp_path / "whole", {"a.safetensors": TENSORS}, {"answer": 42})
    return tmp_path / "whole"


def test_a_sealed_folder_reads_back_what_was_written(sealed: Path) -> None:
    assert read_sealed(sealed)["answer"] == 42
    opened = open_tensors(sealed / "a.safetensors")
    assert {name: value.tolist() for name, value in opened.items()} == {
        name: value.tolist() for name, value in TENSORS.items()
    }
    assert {name: value.dtype for name, value in opened.items()} == {
        name: value.dtype for name, value in TENSORS.items()
    }


def test_opened_tensors_cannot_be_written_to(sealed: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        open_tensors(sealed / "a.safetensors")["numbers"][0, 0] = 9


def test_a_changed_byte_is_found(sealed: Path) -> None:
    flip_last_byte(sealed / "a.safetensors")
    with pytest.raises(Damaged, match="do not match"):
        read_sealed(sealed)


def test_a_missing_file_is_found_without_hashing(sealed: Path) -> None:
    (sealed / "a.safetensors").unlink()
    with pytest.raises(Damaged, match="missing"):
        read_sealed(sealed, verify=False)


def test_a_half_written_manifest_is_found(sealed: Path) -> None:
    manifest = sealed / "manifest.json"
    manifest.write_text(manifest.read_text()[:20])
    with pytest.raises(Damaged, match="no readable manifest"):
        read_sealed(sealed)


def test_a_folder_that_never_became_whole_is_not_there(tmp_path: Path) -> None:
    (tmp_path / ".writing-whole").mkdir()
    (tmp_path / ".writing-whole" / "rest").write_text("of a killed run")
    write_sealed(tmp_path / "whole", {}, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whole"]


def saved(folder: Path, *values: int) -> Checkpoints:
    checkpoints = Checkpoints(folder, "job-1")
    for value in values:
        checkpoints.save("loop", {"x": np.array([value])}, {"step": value})
    return checkpoints


def test_the_newest_checkpoint_counts_and_the_one_before_is_kept(tmp_path: Path) -> None:
    loaded = saved(tmp_path / "c", 1, 2, 3).load("loop")
    assert loaded is not None
    assert (loaded.facts, loaded.tensors["x"].tolist()) == ({"step": 3}, [3])
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == [
        "loop.00000002",
        "loop.00000003",
    ]


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path / "c", 1, 2)
    flip_last_byte(tmp_path / "c" / "loop.00000002" / "state.safetensors")
    loaded = checkpoints.load("loop")
    assert loaded is not None and loaded.facts == {"step": 1}


def test_checkpoints_that_are_all_damaged_are_as_good_as_none(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path / "c", 1, 2)
    for number in (1, 2):
        flip_last_byte(tmp_path / "c" / f"loop.{number:08d}" / "state.safetensors")
    assert checkpoints.load("loop") is None


def test_another_jobs_checkpoint_is_never_used(tmp_path: Path) -> None:
    saved(tmp_path / "c", 1)
    assert Checkpoints(tmp_path / "c", "job-2").load("loop") is None


def test_keys_do_not_mix(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path / "c", 1)
    checkpoints.save("loop.inner", {}, {"step": 9})
    loaded = checkpoints.load("loop")
    assert loaded is not None and loaded.facts == {"step": 1}
