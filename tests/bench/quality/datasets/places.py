"""Where data sets lie that the project may not ship: a folder beside the project, or the one that
BENCH_DATA names."""

import os
from pathlib import Path

from tests.bench.quality.world import DataMissing

ROOT = Path(__file__).parents[4]


def place_of(*parts: str) -> Path:
    """A file of the folder of data. Raises DataMissing."""
    folder = Path(os.environ.get("BENCH_DATA", ROOT.parent / "shared" / "data"))
    path = folder.joinpath(*parts)
    if not path.is_file():
        raise DataMissing(
            f"data set {parts[0]} is missing: there is no {path}; put it there or name its folder "
            "by BENCH_DATA"
        )
    return path
