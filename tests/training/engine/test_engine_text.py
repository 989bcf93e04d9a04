"""What the base can read of a tenant's texts, and the vectors that come out of it."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from training.engine.encoder import Encoder, whitening
from training.engine.failures import JobError
from training.engine.text import Base, find_base, read_share

TEXTS = ["red cup", "blue lamp clock", "small bag", "tea", "large red tea cup card", ""]


@pytest.fixture(scope="module")
def encoder(tiny_base: str) -> Encoder:
    return Encoder(find_base(tiny_base), torch.device("cpu"), fast=False)


def test_words_of_the_vocabulary_are_read_whole(encoder: Encoder) -> None:
    reading = read_share(encoder.tokenizer, TEXTS, seed=1)
    assert (reading.share, reading.code, reading.usable) == (1.0, "read", True)


def test_unknown_characters_count_by_their_number(encoder: Encoder) -> None:
    reading = read_share(encoder.tokenizer, ["red cup 茶杯"], seed=1)
    assert (reading.share, reading.code, reading.usable) == (6 / 8, "base_reads_part", True)


def test_a_text_that_is_mostly_unknown_makes_the_base_unusable(encoder: Encoder) -> None:
    reading = read_share(encoder.tokenizer, ["茶杯灯 cup"], seed=1)
    assert (reading.share, reading.code, reading.usable) == (
        0.5,
        "base_cannot_read_text",
        False,
    )


def test_items_without_any_text_are_told_as_such(encoder: Encoder) -> None:
    reading = read_share(encoder.tokenizer, ["", "  "], seed=1)
    assert (reading.share, reading.code, reading.usable) == (None, "no_text", False)


def test_vectors_do_not_depend_on_what_else_is_encoded(encoder: Encoder) -> None:
    def silent(done: int, every: int) -> None:
        return None

    together, _ = encoder.run_lower(encoder.tokens(TEXTS, 16), 2, silent)
    for index, text in enumerate(TEXTS[:5]):
        alone, _ = encoder.run_lower(encoder.tokens([text], 16), 2, silent)
        assert together[index] == pytest.approx(alone[0], abs=1e-5)


def test_every_text_falls_into_exactly_one_group_of_its_length(encoder: Encoder) -> None:
    tokens = encoder.tokens(TEXTS, 16)
    groups = list(tokens.groups())
    assert sorted(np.concatenate(groups).tolist()) == [0, 1, 2, 3, 4]
    assert tokens.rows.tolist() == [0, 1, 2, 3, 4]


def test_whitened_vectors_have_mean_zero_and_unit_variance() -> None:
    mixed = np.random.default_rng(0).normal(size=(200, 6)) @ np.diag([9, 5, 3, 1, 1, 0.5]) + 4.0
    white = whitening(mixed.astype(np.float32))(mixed.astype(np.float32))
    assert white.mean(axis=0) == pytest.approx(np.zeros(6), abs=1e-3)
    assert np.cov(white.T) == pytest.approx(np.eye(6), abs=1e-2)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(JobError) as caught:
        find_base(str(tmp_path))
    assert (caught.value.code, caught.value.param) == ("base_model_missing", "base_model")


def test_the_packaged_base_is_found_and_fingerprinted() -> None:
    base = find_base("all-MiniLM-L6-v2")
    assert base.name == "all-MiniLM-L6-v2"
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(base.files)
    assert base.tokenizer_hash == base.files["tokenizer.json"]


def test_s41_weights_that_are_no_safetensors_are_not_read(tiny_base: str, tmp_path: Path) -> None:
    """A pickle runs what its maker wrote; here it would leave a file behind."""
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_base, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    left = tmp_path / "was run"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(_Runs(str(left))))
    with pytest.raises(OSError, match="safetensors"):
        Encoder(Base("pickled", str(folder), {}, ""), torch.device("cpu"), fast=False)
    assert not left.exists()


class _Runs:
    """Unpickling it makes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")
