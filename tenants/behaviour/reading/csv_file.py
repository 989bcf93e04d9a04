"""Read CSV files: encoding, delimiter and headings detected, then rows in batches of bytes cells.

A row with the wrong number of cells is handed on as faulty, never shifted or padded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv

from tenants.behaviour.reading.cells import as_text
from tenants.behaviour.reading.csv_head import DELIMITERS, Head, likely_delimiter, read_head
from tenants.behaviour.reading.encodings import Encoding, Utf8Stream, detect
from tenants.behaviour.reading.tables import Batch, Limits
from tenants.behaviour.refusals import UploadRefused

SAMPLE = 256 << 10


@dataclass(frozen=True)
class CsvTable:
    """An opened CSV file; every call of `batches` reads it from the start."""

    source: BinaryIO
    limits: Limits
    encoding: Encoding
    delimiter: str
    head: Head

    @property
    def columns(self) -> tuple[str, ...]:
        """The headings, in the order of the file."""
        return self.head.columns

    @property
    def details(self) -> dict[str, str | int]:
        """Format, encoding, delimiter and the line of the headings."""
        return {
            "format": "csv",
            "encoding": self.encoding.name,
            "delimiter": self.delimiter,
            "header_line": self.head.line,
        }

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """The rows, a few megabytes at a time.

        Raises UploadRefused row_too_long, too_many_rows, too_many_broken, damaged_file.
        """
        stream = Utf8Stream(self.source, self.encoding)
        stream.read(self.head.size)
        stream.quotes = 0
        numbers = RowNumbers(self.limits)
        held: Batch | None = None
        open_ended = False
        for raw in self.parse(stream, numbers):
            if held is not None:
                yield held
            held = self.batch(raw.select(columns), numbers)
            open_ended = breaks_line(raw.tail(1))
        rest, unclosed = numbers.thrown_out(), stream.quotes % 2 == 1
        if held is not None:
            yield flag_last(held) if unclosed and open_ended and not rest else held
        if rest:
            left = all_faulty(rest, columns)
            yield flag_last(left) if unclosed and numbers.broken_by_line == rest[-1] else left

    def parse(self, stream: Utf8Stream, numbers: "RowNumbers") -> Iterator[pl.DataFrame]:
        """Arrow's streaming parser: every cell as bytes, rows of the wrong width to `numbers`."""
        names = list(self.head.columns)
        try:
            reader = arrow_csv.open_csv(
                pa.PythonFile(stream, mode="r"),
                read_options=arrow_csv.ReadOptions(
                    use_threads=False,
                    block_size=self.limits.batch_bytes,
                    column_names=names,
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self.delimiter,
                    newlines_in_values=True,
                    invalid_row_handler=numbers.throw_out,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={name: pa.binary() for name in names},
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
            for raw in reader:
                if raw.num_rows:
                    yield to_polars(raw)
        except pa.ArrowInvalid as error:
            if "Empty CSV file" not in str(error):
                raise refused(error, numbers, self.limits) from None

    def batch(self, raw: pl.DataFrame, numbers: "RowNumbers") -> Batch:
        """The parsed rows with their numbers, and the thrown out rows between them."""
        rows = pl.Series("rows", numbers.take(raw.height), dtype=pl.Int64)
        frame, faults = as_text(raw, self.limits.cell_bytes)
        good = Batch(rows, faults, frame)
        broken = numbers.thrown_out(before=numbers.last)
        return in_order(good, all_faulty(broken, frame.columns)) if broken else good


class RowNumbers:
    """Numbers the rows of successive batches around those the parser threw out."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.last = 0
        self.broken: list[int] = []
        # The last thrown out row that holds a line break.
        self.broken_by_line = 0
        self.fault: UploadRefused | None = None

    def throw_out(self, row: Any) -> str:
        """Arrow's handler for a row of the wrong width: note its number and go on."""
        self.broken.append(row.number)
        if "\n" in (row.text or ""):
            self.broken_by_line = row.number
        if row.number > self.limits.rows:
            self.fault = UploadRefused("too_many_rows", most=self.limits.rows)
        elif len(self.broken) > self.limits.broken_rows:
            most = self.limits.broken_rows
            self.fault = UploadRefused("too_many_broken", row=self.broken[0], most=most)
        # Arrow ignores an exception raised here: it is raised where the parsing stops.
        return "error" if self.fault else "skip"

    def take(self, height: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The numbers of the next `height` good rows.  [height]"""
        after = np.arange(self.last + 1, self.last + 1 + height + len(self.broken))
        rows = after[~np.isin(after, np.array(self.broken, dtype=np.int64))][:height]
        self.last = int(rows[-1])
        if self.last > self.limits.rows:
            raise UploadRefused("too_many_rows", most=self.limits.rows)
        return rows

    def thrown_out(self, before: int | None = None) -> list[int]:
        """Hand over the numbers of thrown out rows, all or those before a row."""
        due = [row for row in self.broken if before is None or row < before]
        self.broken = self.broken[len(due) :]
        return due


def to_polars(raw: pa.RecordBatch) -> pl.DataFrame:
    """An Arrow batch as a frame of Binary columns."""
    frame = pl.from_arrow(raw)
    assert isinstance(frame, pl.DataFrame)  # nosec B101 # for the type checker
    return frame


def all_faulty(rows: list[int], columns: Sequence[str]) -> Batch:
    """A batch of rows that had the wrong number of cells."""
    nulls = {name: pl.Series(name, [None] * len(rows), dtype=pl.String) for name in columns}
    return Batch(
        pl.Series("rows", rows, dtype=pl.Int64),
        pl.Series("faults", ["unparseable"] * len(rows), dtype=pl.String),
        pl.DataFrame(nulls),
    )


def in_order(one: Batch, other: Batch) -> Batch:
    """Two batches as one, sorted by row number."""
    rows = pl.concat([one.rows, other.rows])
    order = rows.arg_sort()
    return Batch(
        rows.gather(order),
        pl.concat([one.faults, other.faults]).gather(order),
        pl.concat([one.frame, other.frame])[order],
    )


def breaks_line(last: pl.DataFrame) -> bool:
    """Whether a cell of this one row holds a line break."""
    return any(cell is not None and b"\n" in cell for cell in last.row(0))


def flag_last(batch: Batch) -> Batch:
    """The last row has swallowed the rest of the file through a quotation mark never closed."""
    codes = batch.faults.to_list()
    codes[-1] = "unclosed_quote"
    return Batch(batch.rows, pl.Series("faults", codes, dtype=pl.String), batch.frame)


def refused(error: pa.ArrowInvalid, numbers: RowNumbers, limits: Limits) -> UploadRefused:
    """What the parser's complaint means to the person with the file."""
    if numbers.fault:
        return numbers.fault
    if "straddling" in str(error):
        return UploadRefused("row_too_long", row=numbers.last, most=limits.batch_bytes)
    return UploadRefused("damaged_file", row=numbers.last)


def open_csv(
    source: BinaryIO, limits: Limits, *, encoding: str | None, delimiter: str | None
) -> CsvTable:
    """Read the headings of a CSV file.

    Raises UploadRefused unknown_encoding, bad_encoding_name, binary_file, bad_delimiter,
    bad_header, duplicate_columns, too_many_columns, no_rows, row_too_long.
    """
    if delimiter is not None and delimiter not in DELIMITERS:
        raise UploadRefused("bad_delimiter", param="delimiter", delimiter=delimiter[:5])
    found = detect(source, encoding)
    sample = Utf8Stream(source, found).read(SAMPLE)
    whole = len(sample) < SAMPLE
    text = sample.decode("utf-8", errors="ignore")  # the last character may be cut
    delimiter = delimiter or likely_delimiter(text, whole)
    head = read_head(text, delimiter, limits, whole)
    if whole and not sample[head.size :].strip():
        raise UploadRefused("no_rows")
    return CsvTable(source, limits, found, delimiter, head)
