"""What a job's progress file tells of its attempts: which went on from a checkpoint, and which
went back too far. Pure; knows neither database nor product.
"""

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

LOOPS = ("sequence", "finetune")


@dataclass
class Attempt:
    """One start of the engine. reached: the last stage's number; steps: per loop, when each of
    its steps was done, in seconds."""

    reached: int = 0
    stages: set[str] = field(default_factory=set)
    steps: dict[str, dict[int, float]] = field(default_factory=dict)


def attempts_in(path: Path) -> list[Attempt]:
    """The attempts that a progress file tells of; [] where there is none."""
    return split(path.read_text().splitlines() if path.exists() else ())


def split(lines: Iterable[str]) -> list[Attempt]:
    """An attempt begins where the stages begin anew. A line that a kill has cut is left out."""
    found: list[Attempt] = []
    for raw in lines:
        try:
            line = json.loads(raw)
        except ValueError:
            continue
        index = line.get("stage_index", 0)
        if index and (not found or index < found[-1].reached or _is_first(line)):
            found.append(Attempt())
        if not found:
            continue
        found[-1].reached = max(index, found[-1].reached)
        if index:
            found[-1].stages.add(line["stage"])
        if line.get("metric") == "loss" and line.get("series") in LOOPS:
            at = datetime.fromisoformat(line["at"]).timestamp()
            found[-1].steps.setdefault(line["series"], {})[line["step"]] = at
    return found


def _is_first(line: dict[str, Any]) -> bool:
    return bool(line["stage_index"] == 1 and "step" not in line)


def resumed(attempts: list[Attempt]) -> int:
    """How many attempts went on inside or behind a loop that an earlier one had begun."""
    return sum(
        any(_went_on(now, attempts[:number], loop) for loop in LOOPS)
        for number, now in enumerate(attempts)
    )


def _went_on(now: Attempt, before: list[Attempt], loop: str) -> bool:
    begun = any(loop in each.steps for each in before)
    return begun and loop in now.stages and min(now.steps.get(loop, {1: 0.0})) > 0


def repeated(attempts: list[Attempt], interval: float) -> list[str]:
    """The attempts that repeated more of a loop than `interval` seconds and two of its steps: the
    one that was due to be kept, and the one that was under way. Each with what it repeated."""
    pairs = itertools.pairwise(attempts)
    told = [_lost(now, before, loop, interval) for before, now in pairs for loop in LOOPS]
    return [line for line in told if line]


def _lost(now: Attempt, before: Attempt, loop: str, interval: float) -> str:
    steps, again = before.steps.get(loop, {}), now.steps.get(loop, {})
    if not again or min(again) not in steps:
        return ""
    moments = sorted(steps.values())
    longest = max((b - a for a, b in itertools.pairwise(moments)), default=0.0)
    lost = moments[-1] - steps[min(again)]
    if lost <= interval + 2 * longest:
        return ""
    spans = f"{min(steps)} to {max(steps)}, then from {min(again)}"
    return f"{loop}: steps {spans}: {lost:.2f} s, a step up to {longest:.2f} s"
