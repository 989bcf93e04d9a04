"""PostgreSQL's binary COPY as numpy arrays: columns of one width each and never null, so that all
rows are equally long and none is written or read by itself.

Types are those of numpy, in network order: `>i8` for bigint and, in microseconds since EPOCH, for
timestamptz; `>i4`, `>i2`, `>f8`; `V16` for uuid.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# Signature, flags, and the length of an extension that is none.
HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
NEAR = 1 << 19  # bytes that the processor keeps at hand
# PostgreSQL counts from the year 2000: this many microseconds after 1970.
EPOCH = 946_684_800_000_000


class UnevenRows(ValueError):
    """A column held a null or had another width: an error in the query, never in the data."""


def layout(types: Mapping[str, str]) -> np.dtype[Any]:
    """How one row lies in the stream: the number of its fields, then each behind its length."""
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for name, form in types.items():
        fields += [(f"length of {name}", ">i4"), (name, form)]
    return np.dtype(fields)


def written(columns: Mapping[str, Array], types: Mapping[str, str]) -> bytes:
    """The whole stream of these columns, in the order of `types`."""
    rows = np.empty(len(next(iter(columns.values()))), layout(types))
    rows["count"] = len(types)
    for name, form in types.items():
        rows[f"length of {name}"] = np.dtype(form).itemsize
        rows[name] = columns[name]
    return b"".join((HEAD, rows.tobytes(), END))


def read(parts: Iterable[bytes], types: Mapping[str, str]) -> dict[str, Array]:
    """The columns of a whole stream, in the machine's own order of bytes; UnevenRows.

    `parts` are its bytes as they come.
    """
    native = {name: np.dtype(form).newbyteorder("=") for name, form in types.items()}
    pieces = [
        {name: rows[name].astype(form) for name, form in native.items()}
        for rows in _pieces(parts, layout(types), fields=len(types))
    ]
    return {name: np.concatenate([piece.pop(name) for piece in pieces]) for name in types}


def _pieces(parts: Iterable[bytes], row: np.dtype[Any], *, fields: int) -> Iterator[Array]:
    """The rows while they are near: turned over at the end, column by column, a large stream would
    pass through memory as often as it has columns."""
    raw, at = bytearray(), len(HEAD)
    for part in chain(parts, (b"",)):  # nothing: the end
        raw += part
        if part and len(raw) < NEAR:
            continue
        rows = np.frombuffer(raw, row, count=(len(raw) - at) // row.itemsize, offset=at)
        # A row of another length would shift the counts of all that follow.
        if not (rows["count"] == fields).all():
            raise UnevenRows("the rows are not equally long")
        yield rows
        raw, at = raw[at + rows.nbytes :], 0
    if raw != END:
        raise UnevenRows(f"{len(raw)} bytes are left behind rows of {row.itemsize}")
