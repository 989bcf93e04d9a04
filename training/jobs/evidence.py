"""What a version's gates look at: its manifest, and the figures of its held-out subjects.

Reads the artifact; compares nothing.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.engine.arrays import F64, Tensors
from training.engine.tasks.recommendation.units import CHAMPION, SOURCE, UNIT, UNITS_FILE
from training.engine.tensors import open_tensors
from training.jobs.artifacts import UNREADABLE, reading
from training.jobs.models import Version

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rival:
    """NDCG@10 of what serves now and of the candidate on the same held-out subjects.

    theirs and ours: float64 [units], both empty where no subject can be compared, and then
    `obstacle` is a code that says why; number: the version's.
    """

    number: int
    theirs: F64
    ours: F64
    obstacle: str = ""


@dataclass(frozen=True)
class Evidence:
    """manifest: the engine's; served: float64 [units], NDCG@10 of what the version serves with;
    singles: the same of every other single source; rival: None when nothing serves yet."""

    manifest: dict[str, Any]
    served: F64
    singles: dict[str, F64]
    rival: Rival | None


def evidence_of(version: Version, champion: Version | None) -> Evidence:
    """What is known of `version`; without figures of single subjects (a version from before they
    were kept, a file that is gone) everything that needs them stays empty."""
    figures = units_of(version)
    served = figures.get(f"{SOURCE}{version.serves}", np.empty(0))
    singles = {
        name.removeprefix(SOURCE): values
        for name, values in figures.items()
        if name.startswith(SOURCE)
    }
    singles = {
        name: values for name, values in singles.items() if name not in (version.serves, "fusion")
    }
    rival = _rival(version, champion, figures, served) if champion else None
    return Evidence(version.manifest, served, singles, rival)


def units_of(version: Version) -> Tensors:
    """The tensors of the version's figures of single subjects; {} where there are none."""
    return tensors_of(version, UNITS_FILE) if "units" in version.manifest else {}


def tensors_of(version: Version, name: str) -> Tensors:
    """The tensors of one file of the version's artifact; {} where it cannot be read."""
    try:
        with reading(version.tenant_id, bytes(version.manifest_sha256), (name,)) as folder:
            return open_tensors(folder / name)
    except UNREADABLE as error:
        logger.warning("%s of version %s cannot be read: %s", name, version.public_id, error)
        return {}


def _rival(version: Version, champion: Version, figures: Tensors, served: F64) -> Rival:
    """Both as they were judged on the subjects that both held out; else the champion as the run of
    `version` judged it."""
    theirs, ours = common(version, champion)
    if len(ours):
        return Rival(champion.number, theirs, ours)
    told = version.manifest.get("champion") or {}
    if CHAMPION in figures and told.get("manifest_sha256") == bytes(champion.manifest_sha256).hex():
        return Rival(champion.number, figures[CHAMPION], served)
    return Rival(champion.number, theirs, ours, told.get("obstacle") or "other_units")


def common(version: Version, other: Version) -> tuple[F64, F64]:
    """NDCG@10 of `other` and of `version`, each with what it serves, on the subjects that both
    held out; empty unless data, window and targets were the same."""
    nothing = np.empty(0), np.empty(0)
    worlds = [one.manifest.get("units", {}).get("world") for one in (version, other)]
    if worlds[0] is None or worlds[0] != worlds[1]:
        return nothing
    mine, theirs = units_of(version), units_of(other)
    names = [f"{SOURCE}{one.serves}" for one in (version, other)]
    if names[0] not in mine or names[1] not in theirs:
        return nothing
    _, here, there = np.intersect1d(mine[UNIT], theirs[UNIT], return_indices=True)
    return theirs[names[1]][there], mine[names[0]][here]
