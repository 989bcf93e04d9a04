"""Read JSON Lines: one object per line, told from other JSON by its lines, not by its name.

The file is looked through once for its columns, for a field may first appear in its last line. A
line that is no object is a faulty row in its place, and so is one longer than a batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import polars as pl

from tenants.behaviour.reading.encodings import Encoding, Utf8Stream, detect
from tenants.behaviour.reading.flat_json import Faulty, Row, Spelled, as_text, read_line
from tenants.behaviour.reading.tables import Batch, Limits
from tenants.behaviour.refusals import UploadRefused

# What stands for a line that is too long to be read at all; blank ones are passed over.
TOO_LONG = b""


@dataclass(frozen=True)
class JsonLinesTable:
    """An opened file of JSON Lines; every call of `batches` reads it from the start."""

    source: BinaryIO
    limits: Limits
    encoding: Encoding
    columns: tuple[str, ...]

    @property
    def details(self) -> dict[str, str | int]:
        """Format and encoding."""
        return {"format": "json lines", "encoding": self.encoding.name}

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """The rows, a few megabytes at a time; a column is of numbers where all its values are."""
        last = 0
        for lines in blocks(self.source, self.encoding, self.limits):
            rows, faults = read_lines(lines)
            cells = {name: [row.get(name) for row in rows] for name in columns}
            made = [column(name, values, faults, self.limits) for name, values in cells.items()]
            yield Batch(
                pl.Series("rows", range(last + 1, last + 1 + len(rows)), dtype=pl.Int64),
                pl.Series("faults", faults, dtype=pl.String),
                pl.DataFrame(made),
            )
            last += len(rows)


def blocks(source: BinaryIO, encoding: Encoding, limits: Limits) -> Iterator[list[bytes]]:
    """The lines that are not blank, so many bytes of them at a time, in UTF-8."""
    stream = Utf8Stream(source, encoding)
    rest, skipping = b"", False
    while block := stream.read(limits.batch_bytes):
        *lines, rest = (rest + block).split(b"\n")
        if len(block) < limits.batch_bytes:  # the last one may have no end
            lines, rest = [*lines, rest], b""
        if skipping and lines:
            lines, skipping = lines[1:], False
        found = [line if len(line) <= limits.batch_bytes else TOO_LONG
                 for line in lines if not line.isspace() and line]  # fmt: skip
        if skipping or len(rest) > limits.batch_bytes:
            found += [] if skipping else [TOO_LONG]
            rest, skipping = b"", True
        if found:
            yield found
    if rest.strip():
        yield [rest]


def read_lines(lines: list[bytes]) -> tuple[list[Row], list[str | None]]:
    """Each line's fields, none for a faulty one, and the code of what is wrong with it."""
    rows: list[Row] = []
    faults: list[str | None] = []
    for line in lines:
        row, fault = {}, None
        try:
            row = read_line(line)
        except Faulty as faulty:
            fault = faulty.code if line else "cell_too_long"
        rows.append(row)
        faults.append(fault)
    return rows, faults


def column(name: str, values: list[Any], faults: list[str | None], limits: Limits) -> pl.Series:
    """The values as numbers where all are, else as texts; marks rows with cells too long."""
    given = [value for value in values if value is not None]
    if given and all(type(value) is Spelled for value in given):
        numbers = pl.Series(name, values, dtype=pl.String)
        whole = all(value.lstrip("-").isdigit() for value in given)
        kind = pl.Int64 if whole else pl.Float64
        read = numbers.cast(kind, strict=False)
        if read.null_count() == numbers.null_count():
            return read
    return pl.Series(name, texts(values, faults, limits), dtype=pl.String)


def texts(values: list[Any], faults: list[str | None], limits: Limits) -> list[str | None]:
    """The values as cells; those that are too long are taken out and marked."""
    cells = [as_text(value) for value in values]
    for place, cell in enumerate(cells):
        if cell is None or len(cell) * 4 <= limits.cell_bytes:
            continue
        if len(cell.encode()) > limits.cell_bytes:
            cells[place], faults[place] = None, faults[place] or "cell_too_long"
    return cells


def open_json_lines(source: BinaryIO, limits: Limits, *, encoding: str | None) -> JsonLinesTable:
    """Look the file through for its columns.

    Raises UploadRefused unknown_encoding, bad_encoding_name, binary_file, not_json_lines,
    too_many_columns, too_many_rows.
    """
    found = detect(source, encoding)
    columns: dict[str, None] = {}
    count = 0
    for lines in blocks(source, found, limits):
        if not count and lines[0].lstrip().startswith(b"["):
            raise UploadRefused("not_json_lines")
        rows, _ = read_lines(lines)
        for row in rows:
            columns |= dict.fromkeys(row)
        count += len(rows)
        if len(columns) > limits.columns:
            raise UploadRefused("too_many_columns", count=len(columns), most=limits.columns)
        if count > limits.rows:
            raise UploadRefused("too_many_rows", most=limits.rows)
        if not columns:  # what begins so does not become JSON Lines later
            raise UploadRefused("not_json_lines")
    if not columns:
        raise UploadRefused("not_json_lines")
    return JsonLinesTable(source, limits, found, tuple(columns))
