"""Keeps what a run has reached, so that it can go on after a stop or a crash with the same result.

Each key (a stage or a loop) has its own sealed folders, numbered; the newest that verifies counts,
and the one before is kept. What was written by other code, for another job, or was damaged is never
used.
"""

import logging
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.engine.arrays import Tensors
from training.engine.sealed import Damaged, read_sealed, write_sealed
from training.engine.tensors import open_tensors

_STATE = "state.safetensors"
_KEPT = 2
_NAME = re.compile(r"^(?P<key>.+)\.(?P<number>\d{8})$")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Saved:
    """What was stored under a key: arrays (read-only views of a mapped file) and plain values."""

    tensors: Tensors
    facts: dict[str, Any]


class Checkpoints:
    """Checkpoints of one run. `fingerprint` says what they belong to; others are ignored.
    `damaged` is told the name of each that does not verify."""

    def __init__(
        self,
        folder: Path,
        fingerprint: str,
        damaged: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._damaged = damaged
        self._folder = folder
        self._fingerprint = fingerprint
        folder.mkdir(exist_ok=True)

    def save(self, key: str, tensors: Tensors, facts: Mapping[str, Any]) -> None:
        """Store the newest state of `key`; older ones but the last are removed afterwards."""
        found = self._numbered(key)
        number = found[-1][0] + 1 if found else 1
        manifest = {"fingerprint": self._fingerprint, "facts": dict(facts)}
        write_sealed(self._folder / f"{key}.{number:08d}", {_STATE: tensors}, manifest)
        for _, path in found[: 1 - _KEPT]:
            shutil.rmtree(path)

    def load(self, key: str) -> Saved | None:
        """The newest state of `key` that verifies and belongs to this run, or None."""
        for _, path in reversed(self._numbered(key)):
            try:
                manifest = read_sealed(path)
            except Damaged as damage:
                log.warning("checkpoint ignored: %s", damage)
                self._damaged(path.name)
                continue
            if manifest.get("fingerprint") == self._fingerprint:
                return Saved(open_tensors(path / _STATE), manifest["facts"])
        return None

    def clear(self) -> None:
        """Remove everything: the run has ended."""
        shutil.rmtree(self._folder)

    def _numbered(self, key: str) -> list[tuple[int, Path]]:
        found = []
        for path in self._folder.iterdir():
            match = _NAME.match(path.name)
            if match and match["key"] == key:
                found.append((int(match["number"]), path))
        return sorted(found)


class BorrowedCheckpoints(Checkpoints):
    """Those of a run that another rank leads: read, never written."""

    def save(self, key: str, tensors: Tensors, facts: Mapping[str, Any]) -> None:
        """Nothing: the leading rank keeps what all of them have."""

    def clear(self) -> None:
        """Nothing."""
