"""Read Parquet files: the footer is judged before anything is decoded, texts before they unfold.

A dictionary can repeat one long text a million times at no cost in the file, so texts are read as
dictionaries and measured before they are spread out. What a page claims of itself is not checked
here: an upload is read in a process with a memory limit of its own (`apart`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tenants.behaviour.reading.arrow_cells import is_text, plain
from tenants.behaviour.reading.cells import as_text
from tenants.behaviour.reading.tables import Batch, Limits
from tenants.behaviour.refusals import UploadRefused, shown

FOOTER_BYTES = 16 << 20
FOOTER_ITEMS = 1_000_000
# What Arrow raises over a broken file; names that are no text fail while it decodes them.
BROKEN = (pa.ArrowException, OSError, UnicodeDecodeError)


@dataclass(frozen=True)
class ParquetTable:
    """An opened Parquet file; every call of `batches` reads it from the start."""

    source: BinaryIO
    limits: Limits
    metadata: pq.FileMetaData
    schema: pa.Schema

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, in the order of the file."""
        return tuple(self.schema.names)

    @property
    def details(self) -> dict[str, str | int]:
        """Format and the number of rows the footer declares."""
        return {"format": "parquet", "declared_rows": self.metadata.num_rows}

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """The rows, `limits.batch_rows` at a time.

        Raises UploadRefused unsupported_column, unpacks_too_large, damaged_file.
        """
        texts = [name for name in columns if is_text(name, self.schema.field(name).type)]
        last = 0
        try:
            file = open_file(self.source, read_dictionary=texts)
            for raw in file.iter_batches(
                self.limits.batch_rows, columns=list(columns), use_threads=False
            ):
                rows = pl.Series("rows", range(last + 1, last + 1 + raw.num_rows), dtype=pl.Int64)
                frame, faults = as_text(self.unfolded(raw, last), self.limits.cell_bytes)
                yield Batch(rows, faults, frame.select(columns))
                last += raw.num_rows
        except BROKEN as error:
            raise damaged(error, last) from None
        if last != self.metadata.num_rows:
            raise UploadRefused("damaged_file", row=last)

    def unfolded(self, raw: pa.RecordBatch, last: int) -> pl.DataFrame:
        """Dictionaries spread out to bytes, once their lengths are known to be bearable."""
        size = sum(spread_bytes(column) for column in raw.columns)
        if size > self.limits.unpacked_bytes:
            raise UploadRefused("unpacks_too_large", row=last + 1, most=self.limits.unpacked_bytes)
        arrays = [plain(column) for column in raw.columns]
        frame = pl.from_arrow(pa.RecordBatch.from_arrays(arrays, names=raw.schema.names))
        assert isinstance(frame, pl.DataFrame)  # nosec B101 # for the type checker
        return frame


def spread_bytes(column: pa.Array) -> int:
    """How many bytes of text a dictionary column takes when spread out."""
    if not pa.types.is_dictionary(column.type):
        return 0
    lengths = pc.binary_length(column.dictionary.cast(pa.large_binary()))
    return pc.sum(lengths.take(column.indices)).as_py() or 0


def open_file(source: BinaryIO, *, read_dictionary: list[str] | None = None) -> pq.ParquetFile:
    """Arrow's reader over the source, with bounds on the footer."""
    source.seek(0)
    return pq.ParquetFile(
        pa.PythonFile(source, mode="r"),
        read_dictionary=read_dictionary,
        thrift_string_size_limit=FOOTER_BYTES,
        thrift_container_size_limit=FOOTER_ITEMS,
        page_checksum_verification=True,
    )


def open_parquet(source: BinaryIO, limits: Limits) -> ParquetTable:
    """Judge a Parquet file by its footer.

    Raises UploadRefused truncated_parquet, encrypted_parquet, damaged_file, too_many_columns,
    too_many_rows, unpacks_too_large, duplicate_columns, no_rows.
    """
    source.seek(0, 2)
    size = source.tell()
    source.seek(max(size - 4, 0))
    if (tail := source.read(4)) != b"PAR1" or size < 12:
        raise UploadRefused("encrypted_parquet" if tail == b"PARE" else "truncated_parquet")
    try:
        file = open_file(source)
        table = ParquetTable(source, limits, file.metadata, file.schema_arrow)
    except BROKEN as error:
        raise damaged(error, 0) from None
    judge(table, limits)
    return table


def judge(table: ParquetTable, limits: Limits) -> None:
    """Compare what the footer declares with the limits."""
    declared = table.metadata
    if declared.num_columns > limits.columns:
        raise UploadRefused("too_many_columns", count=declared.num_columns, most=limits.columns)
    if declared.num_rows > limits.rows or declared.num_row_groups > limits.row_groups:
        raise UploadRefused("too_many_rows", most=limits.rows)
    if declared.num_rows <= 0:
        raise UploadRefused("no_rows")
    for place in range(declared.num_row_groups):
        if declared.row_group(place).total_byte_size > limits.row_group_bytes:
            raise UploadRefused("unpacks_too_large", row=1, most=limits.row_group_bytes)
    names = list(table.columns)
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise UploadRefused("duplicate_columns", columns=shown(repeated))


def damaged(error: BaseException, row: int) -> BaseException:
    """A refusal for what Arrow could not read; a failing disk or network stays what it is, and so
    does a want of memory."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None):
        return error
    return UploadRefused("damaged_file", row=row)
