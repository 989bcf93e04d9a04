"""What is remembered of the rows of a file that were accepted, so that a repeated one is known.

Keys of 128 bits in sorted runs, 16 bytes a row and nothing more, up to a bound that a file has not:
a row that repeats an older one is found where it is stored, not here. Two different rows share a
key less often than a disk errs. Keys are worth nothing in another process.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from tenants.behaviour.cleaning.rates import Rates

KEY = ("key", "check")
# The latest rows that are remembered at least: 32 MiB.
REMEMBERED = 2_000_000
# Runs of fewer rows are joined, so that few have to be looked through.
RUN_ROWS = 1 << 20
Numbers = np.ndarray[Any, np.dtype[np.uint64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Run:
    """Some rows, sorted by `keys`; `checks` are the other halves."""

    keys: Numbers
    checks: Numbers

    def has(self, keys: Numbers, checks: Numbers) -> Flags:
        """Which of these rows are in it; quickest where `keys` are sorted.  [keys]"""
        places = np.searchsorted(self.keys, keys)
        places[places == len(self.keys)] = 0
        found: Flags = (self.keys[places] == keys) & (self.checks[places] == checks)
        return found


@dataclass(frozen=True)
class Seen:
    """The rows accepted so far, the oldest run first, and how fast they came."""

    runs: tuple[Run, ...] = ()
    rates: Rates = field(default_factory=Rates)

    @classmethod
    def nothing(cls) -> "Seen":
        """Before the first batch."""
        return cls()

    def __len__(self) -> int:
        return sum(len(run.keys) for run in self.runs)

    def adding(self, living: pl.DataFrame) -> "Seen":
        """With the rows of one more batch, which has the columns KEY."""
        if not living.height:
            return self
        runs, latest = list(self.runs), [living[name].to_numpy() for name in KEY]
        if runs and len(runs[-1].keys) + living.height <= RUN_ROWS:
            last = runs.pop()
            latest = [np.concatenate(both) for both in zip(latest, (last.keys, last.checks),
                                                           strict=True)]  # fmt: skip
        order = np.argsort(latest[0])
        runs.append(Run(latest[0][order], latest[1][order]))
        left = sum(len(run.keys) for run in runs)
        while left - len(runs[0].keys) >= REMEMBERED:
            left -= len(runs.pop(0).keys)
        return Seen(tuple(runs), self.rates.adding(living))

    def known(self, rows: pl.DataFrame) -> pl.Series:
        """Which rows, by the columns KEY, are among them: Boolean."""
        keys, checks = (rows[name].to_numpy() for name in KEY)
        order = np.argsort(keys)
        found = np.zeros(len(keys), dtype=np.bool_)
        for run in self.runs:
            found[order] |= run.has(keys[order], checks[order])
        return pl.Series("known", found, dtype=pl.Boolean)
