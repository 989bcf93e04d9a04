"""A version's model card as plain values: what it was made of, what it is worth, where it ends.

Figures about groups of fewer than SMALLEST_GROUP people are left out.
"""

from typing import Any

import numpy as np

from training.engine.arrays import F64, Mask, Tensors
from training.engine.tasks.recommendation.fairness import SMALLEST_GROUP
from training.engine.tasks.recommendation.units import (
    CHAMPION,
    FEW_EVENTS,
    HISTORY,
    RARE,
    SOURCE,
    UNIT,
)
from training.jobs.evidence import common, units_of
from training.jobs.gates import FEWEST_UNITS, verdicts
from training.jobs.models import Version
from training.jobs.resampling import paired

NEW_HISTORY = 5  # a subject with fewer events before the window is a new one
# What no figure of ours shows, as codes worded where the card is shown.
LIMITS = ("offline_only", "shown_is_not_chosen", "no_causes", "this_machine")


def card_of(version: Version) -> dict[str, Any]:
    """data, gates, slices, groups, limits, latency, cost, approval: everything JSON can hold."""
    snapshot, manifest = version.snapshot, version.manifest
    return {
        "version": version.public_id,
        "task": version.task,
        "data": {
            "snapshot": snapshot.public_id,
            "events": snapshot.events,
            "subjects": snapshot.subjects,
            "items": snapshot.items,
            "purpose": snapshot.purpose,
            "policy": snapshot.policy_version,
            "excluded": snapshot.excluded,
            "weights": {kind["name"]: kind["weight"] for kind in snapshot.event_types},
            "windows": manifest.get("split", {}).get("windows", []),
        },
        "gates": verdicts(version),
        "slices": slices(units_of(version), version.serves),
        "groups": group_parts(manifest.get("groups") or {}),
        "limits": [*LIMITS, *_own_limits(version)],
        "latency": manifest.get("latency") or {},
        "device_seconds": round(version.job.device_seconds, 1),
        "devices": manifest.get("devices", 1),
        "approved_by": version.approved_by,
        "approved_at": version.approved_at.isoformat() if version.approved_at else "",
    }


def slices(figures: Tensors, serves: str) -> list[dict[str, Any]]:
    """NDCG@10 of what serves over parts of the held-out people; a small part has no figure."""
    if UNIT not in figures or f"{SOURCE}{serves}" not in figures:
        return []
    served: F64 = figures[f"{SOURCE}{serves}"]
    parts: dict[str, Mask] = {
        "new_subjects": figures[HISTORY] < NEW_HISTORY,
        "known_subjects": figures[HISTORY] >= NEW_HISTORY,
        "cold_items": figures[RARE] > 0.0,
        "warm_items": figures[RARE] == 0.0,
    }
    return [_slice(name, served[part]) for name, part in parts.items()]


def group_parts(told: dict[str, Any]) -> list[dict[str, Any]]:
    """What serves by declared groups, the best first: measure, key, parts (name, count, value) and
    the number too_few; only what was declared."""
    found = []
    for measure, key in told.get("keys", {}).items():
        parts = [
            {"name": name, **line}
            for name, line in told[measure].items()
            if line["count"] >= SMALLEST_GROUP
        ]
        parts.sort(key=lambda part: (-part["value"], part["name"]))
        line = {"measure": measure, "key": key, "parts": parts}
        if key:
            found.append({**line, "too_few": told["too_few"][measure]})
    return found


def compare(one: Version, other: Version) -> dict[str, Any]:
    """The paired difference of what two versions serve (one - other), where they held out the same
    people; {} where that cannot be said."""
    theirs, ours = common(one, other)
    if not len(ours):
        theirs, ours = _as_champion(one, other)
    if len(ours) < FEWEST_UNITS:
        return {}
    found = paired(ours, {"other": theirs})["other"]
    return {"units": len(ours), "interval": found.interval()}


def _as_champion(one: Version, other: Version) -> tuple[F64, F64]:
    """`other` as it was judged in the run of `one`, if it served then."""
    told, figures = one.manifest.get("champion") or {}, units_of(one)
    same = told.get("manifest_sha256") == bytes(other.manifest_sha256).hex()
    if not same or CHAMPION not in figures:
        return np.empty(0), np.empty(0)
    return figures[CHAMPION], figures[f"{SOURCE}{one.serves}"]


def _slice(name: str, values: F64) -> dict[str, Any]:
    if len(values) < SMALLEST_GROUP:
        return {"name": name, "units": None, "ndcg10": None}
    return {"name": name, "units": len(values), "ndcg10": round(float(values.mean()), 5)}


def _own_limits(version: Version) -> list[str]:
    """What is wanting in this version alone."""
    found = []
    if version.manifest.get("language_note") in ("base_reads_part", "base_cannot_read_text"):
        found.append("text_half_read")
    if version.manifest.get("units", {}).get("count", 0) < FEWEST_UNITS:
        found.append("few_held_out")
    return found


__all__ = ["FEW_EVENTS", "NEW_HISTORY", "card_of", "compare", "slices"]
