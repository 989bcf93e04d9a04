"""PostgreSQL's binary COPY as numpy arrays: columns of one width each and never null, so that all
rows are equally long and none is written or read by itself.

Types are those of numpy, in network order: `>i8` for bigint and, in microseconds since EPOCH, for
timestamptz; `>i4`, `>i2`, `>f8`; `V16` for uuid.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# Signature, flags, and the length of an extension that is none.
HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
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


def read(stream: bytes | bytearray, types: Mapping[str, str]) -> dict[str, Array]:
    """The columns of a whole stream, in the machine's own order of bytes; UnevenRows."""
    row = layout(types)
    count, rest = divmod(len(stream) - len(HEAD) - len(END), row.itemsize)
    if rest:
        raise UnevenRows(f"{len(stream)} bytes are not rows of {row.itemsize}")
    rows = np.frombuffer(stream, row, count=count, offset=len(HEAD))
    # A row of another length would shift the counts of all that follow.
    if not (rows["count"] == len(types)).all():
        raise UnevenRows("the rows are not equally long")
    native = {name: np.dtype(form).newbyteorder("=") for name, form in types.items()}
    return {name: rows[name].astype(form) for name, form in native.items()}
