"""An opened file as its readers hand it on: limits, batches of rows, what every table can do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl


@dataclass(frozen=True)
class Limits:
    """What one file may hold; beyond it the file, or for a cell the row, is refused.

    `batch_bytes` bounds one row of a CSV file and the texts of one batch of a Parquet file;
    `broken_rows` how many rows of a CSV file may follow each other that do not fit its headings.
    What an archive unpacks to may be `file_bytes` and `ratio` times as long as itself; a Parquet
    file in one `spooled_bytes`, for it cannot be read in passing.
    """

    columns: int = 512
    rows: int = 250_000_000
    broken_rows: int = 1_000_000
    file_bytes: int = 10 << 30
    ratio: int = 200
    spooled_bytes: int = 2 << 30
    cell_bytes: int = 65_536
    batch_rows: int = 131_072
    batch_bytes: int = 4 << 20
    unpacked_bytes: int = 256 << 20
    row_groups: int = 10_000
    row_group_bytes: int = 1 << 30


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, in three columns of one length.

    rows    Int64, 1-based number of the data row (the heading and blank lines do not count)
    faults  String, null where the row could be read, else the code of what is wrong with it
    frame   the columns asked for, under the file's own names; null where nothing is given
    """

    rows: pl.Series
    faults: pl.Series
    frame: pl.DataFrame


class Table(Protocol):
    """An opened file. `details` (format, encoding, delimiter, …) is JSON-able, for the report."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The headings, in the order of the file."""

    @property
    def details(self) -> dict[str, str | int]:
        """What was found out about the file's form."""

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """The rows, reading only `columns`; raises UploadRefused when the file breaks off."""
