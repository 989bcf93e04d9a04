"""Open an uploaded file by its content, CSV, JSON Lines or Parquet, plain or packed, whatever its
name says.

Knows formats, not meanings: which column is which is `mapping`, what a row is worth `cleaning`.
"""

import io
from pathlib import Path
from typing import BinaryIO

from tenants.behaviour.reading.apart import TableApart
from tenants.behaviour.reading.csv_file import open_csv
from tenants.behaviour.reading.encodings import BYTE_ORDER_MARKS
from tenants.behaviour.reading.json_lines import open_json_lines
from tenants.behaviour.reading.packed import PackedTable, packing_of, spooled, unpacked
from tenants.behaviour.reading.parquet_file import open_parquet
from tenants.behaviour.reading.tables import Limits, Table
from tenants.behaviour.refusals import UploadRefused

PARQUET = b"PAR1"
# First bytes -> what the file is. Those that can be opened are in `open_table`.
FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"ARROW1", "an Arrow file"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC", "an ORC file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF document"),
    (b"<", "HTML or XML"),
)
HEAD = 256

LIMITS = Limits()


def open_table(
    source: BinaryIO | bytes,
    *,
    limits: Limits = LIMITS,
    encoding: str | None = None,
    delimiter: str | None = None,
    apart: bool = False,
    spool: Path | None = None,
) -> Table:
    """Open a file, told by its content; `source` must be able to seek.

    `encoding` and, of a CSV file, `delimiter` are detected unless given. `apart`: Parquet is
    unpacked in a process of its own, within bounds of memory. `spool`: the folder where a Parquet
    file that was packed once more lies sealed meanwhile. Raises UploadRefused.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    packing = packing_of(_head(stream))
    if packing is None:
        return _open(stream, limits, encoding, delimiter, apart)
    inner = unpacked(stream, packing, limits)
    head = _head(inner)
    if packing_of(head):
        raise UploadRefused("packed_twice")
    if head.startswith(PARQUET):
        inner = spooled(inner, spool, limits)
    return PackedTable(_open(inner, limits, encoding, delimiter, apart), packing)


def _open(
    stream: BinaryIO, limits: Limits, encoding: str | None, delimiter: str | None, apart: bool
) -> Table:
    head = _head(stream)
    if not head:
        raise UploadRefused("empty_file")
    if head.startswith(PARQUET):
        table = open_parquet(stream, limits)
        return TableApart(table) if apart else table
    for magic, name in FOREIGN:
        if head.startswith(magic):
            raise UploadRefused("unsupported_file", format=name)
    if looks_like_json(head):
        return open_json_lines(stream, limits, encoding=encoding)
    return open_csv(stream, limits, encoding=encoding, delimiter=delimiter)


def _head(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read(HEAD)


def looks_like_json(head: bytes) -> bool:
    """Whether the text begins an object, or a list of objects."""
    found = ((mark, name) for mark, name in BYTE_ORDER_MARKS if head.startswith(mark))
    mark, name = next(found, (b"", "utf-8"))
    text = head[len(mark) :].decode(name, errors="ignore").lstrip()
    return text.removeprefix("[").lstrip().startswith("{")
