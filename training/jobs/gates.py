"""The gates between an evaluated version and its approval: one line each, codes worded later."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training.jobs.models import Version

FEWEST_SUBJECTS = 10


@dataclass(frozen=True)
class Gate:
    """`passes` looks at a version's manifest and nothing else."""

    code: str
    passes: Callable[[Version], bool]


def _metrics(source: dict[str, Any], part: str) -> dict[str, float]:
    """A source's figures on one window; {} for a source that was left out."""
    return dict((source.get("metrics") or {}).get(part) or {})


def _served_metrics(version: Version, part: str) -> dict[str, float]:
    for source in version.manifest["sources"]:
        if source["name"] == version.serves:
            return _metrics(source, part)
    return {}


def _evaluated(version: Version) -> bool:
    return _served_metrics(version, "test").get("subjects", 0) >= FEWEST_SUBJECTS


def _best_on_validation(version: Version) -> bool:
    """Law 9: what serves is what won on validation."""
    scores = [
        _metrics(source, "validation").get("ndcg@10", 0.0) for source in version.manifest["sources"]
    ]
    return _served_metrics(version, "validation").get("ndcg@10", -1.0) >= max(scores, default=0.0)


GATES = (
    Gate("evaluated_on_enough_people", _evaluated),
    Gate("best_source_serves", _best_on_validation),
)


def failed_gates(version: Version) -> list[str]:
    """The codes of the gates that `version` does not pass."""
    return [gate.code for gate in GATES if not gate.passes(version)]
