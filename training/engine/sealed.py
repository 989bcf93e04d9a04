"""A sealed folder: safetensors files and a manifest that names their hashes, written whole or not
at all.

Checkpoints and artifacts are both sealed folders. Knows nothing about what the tensors mean.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from training.engine.arrays import Tensors

MANIFEST = "manifest.json"


class Damaged(Exception):
    """A sealed folder is missing a part or does not match its hashes."""


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sealed(target: Path, files: Mapping[str, Tensors], manifest: Mapping[str, Any]) -> None:
    """Write `files` and `manifest` into `target`, which must not exist.

    Everything is written into a neighbouring temporary folder and flushed, the manifest last; one
    rename makes it visible, so that a reader never meets half a folder. What could not be written
    to its end is removed: on a full disk it would take the room that the rest needs.
    """
    temporary = target.parent / f".writing-{target.name}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        _fill(temporary, files, manifest)
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    flush(target.parent)


def _fill(temporary: Path, files: Mapping[str, Tensors], manifest: Mapping[str, Any]) -> None:
    stated = {name: _write_tensors(temporary / name, tensors) for name, tensors in files.items()}
    text = json.dumps({**manifest, "files": stated}, indent=1, ensure_ascii=False, allow_nan=False)
    _write_flushed(temporary / MANIFEST, text.encode())
    flush(temporary)


def read_sealed(folder: Path, *, verify: bool = True) -> dict[str, Any]:
    """The manifest of a sealed folder; with `verify`, only after every file matches its hash.

    Raises Damaged when the manifest or a file is missing, unreadable or altered.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        stated = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise Damaged(f"{folder.name}: no readable manifest ({cause})") from cause
    for name, facts in stated.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != facts["bytes"]:
            raise Damaged(f"{folder.name}/{name}: missing or of the wrong size")
        if verify and sha256_of(path) != facts["sha256"]:
            raise Damaged(f"{folder.name}/{name}: its bytes do not match the manifest")
    return dict(manifest)


def _write_tensors(path: Path, tensors: Tensors) -> dict[str, Any]:
    # A view is saved with the bytes of its parent, so every array is made contiguous first.
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size}


def _write_flushed(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def flush(path: Path) -> None:
    """Let a file or a folder reach the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
