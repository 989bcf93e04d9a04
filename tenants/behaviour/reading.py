"""Open an uploaded file by its content, CSV or Parquet, whatever its name says.

Knows formats, not meanings: which column is which is `mapping`, what a row is worth `cleaning`.
"""

import io
from typing import BinaryIO

from tenants.behaviour.csv_reading import open_csv
from tenants.behaviour.parquet_reading import open_parquet
from tenants.behaviour.reading_apart import TableApart
from tenants.behaviour.refusals import UploadRefused
from tenants.behaviour.tables import Limits, Table

# First bytes -> what the file is. Those that can be opened are in `open_table`.
FOREIGN = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"ARROW1", "an Arrow file"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC", "an ORC file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF document"),
    (b"{", "JSON"),
    (b"[{", "JSON"),
    (b"<", "HTML or XML"),
)

LIMITS = Limits()


def open_table(
    source: BinaryIO | bytes,
    *,
    limits: Limits = LIMITS,
    encoding: str | None = None,
    delimiter: str | None = None,
    apart: bool = False,
) -> Table:
    """Open a CSV or Parquet file, told apart by content; `source` must be able to seek.

    `encoding` and `delimiter` of a CSV file are detected unless given. `apart`: what has to be
    unpacked is so in a process of its own, within bounds of memory. Raises UploadRefused.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    stream.seek(0)
    head = stream.read(16)
    if not head:
        raise UploadRefused("empty_file")
    if head.startswith(b"PAR1"):
        table = open_parquet(stream, limits)
        return TableApart(table) if apart else table
    for magic, name in FOREIGN:
        if head.startswith(magic):
            raise UploadRefused("unsupported_file", format=name)
    return open_csv(stream, limits, encoding=encoding, delimiter=delimiter)
