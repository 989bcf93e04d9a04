"""What a task offers to the runner: its stages with their usual share of the time, and how it
runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from training.engine.workbench import Workbench


@dataclass(frozen=True)
class Task:
    """run(bench, folder) reads the snapshot in `folder` and leaves `folder`/artifact; follow(bench,
    folder) is what the other ranks of the same run do, and leaves nothing."""

    shares: Mapping[str, float]
    run: Callable[[Workbench, Path], None]
    follow: Callable[[Workbench, Path], None]
