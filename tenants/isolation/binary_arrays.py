"""Columns as PostgreSQL arrays in their binary form, for one statement over many rows.

Neither Python nor the database reads a value as text, and no table has to be made for the rows.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import numpy as np
import psycopg
from django.db import connection
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

from tenants.isolation.binary_copy import Array

NULL = b"\xff\xff\xff\xff"


class _BinaryArray:
    """A numpy column as it is sent. The classes below name the type of the array and of its
    elements.
    """

    array: int
    element: int
    form: str

    def __init__(self, values: Array) -> None:
        self.values = values

    def sent(self) -> bytes:
        """One dimension, from 1; no null; each element behind its length."""
        elements = np.empty(len(self.values), [("length", ">i4"), ("value", self.form)])
        elements["length"] = np.dtype(self.form).itemsize
        elements["value"] = self.values
        head = np.array([1, 0, self.element, len(self.values), 1], ">i4")
        return head.tobytes() + elements.tobytes()


class BigInts(_BinaryArray):
    array, element, form = 1016, 20, ">i8"


class Ints(_BinaryArray):
    array, element, form = 1007, 23, ">i4"


class SmallInts(_BinaryArray):
    array, element, form = 1005, 21, ">i2"


class Doubles(_BinaryArray):
    array, element, form = 1022, 701, ">f8"


class Moments(_BinaryArray):
    """Microseconds since `binary_copy.EPOCH`."""

    array, element, form = 1185, 1184, ">i8"


class Uuids(_BinaryArray):
    """16 bytes each (`V16`)."""

    array, element, form = 2951, 2950, "V16"


class Digests(_BinaryArray):
    """bytea of 32 bytes each (`V32`)."""

    array, element, form = 1001, 17, "V32"


class Texts:
    """Texts of any length; None is null."""

    array, element = 1009, 25

    def __init__(self, values: Iterable[str | None]) -> None:
        self.values = list(values)

    def sent(self) -> bytes:
        parts: list[bytes] = []
        for value in self.values:
            plain = b"" if value is None else value.encode()
            parts += (NULL if value is None else len(plain).to_bytes(4, "big"), plain)
        head = np.array([1, 1, self.element, len(self.values), 1], ">i4")
        return head.tobytes() + b"".join(parts)


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: _BinaryArray | Texts) -> Buffer:
        return obj.sent()


DUMPERS = {
    kind: type(f"{kind.__name__}Dumper", (_Dumper,), {"oid": kind.array})
    for kind in (BigInts, Ints, SmallInts, Doubles, Moments, Uuids, Digests, Texts)
}
# Connections that know the dumpers: to tell every cursor anew cost as much as a short question.
_KNOW: WeakSet[psycopg.Connection[Any]] = WeakSet()


@contextmanager
def array_cursor() -> Iterator[psycopg.Cursor[Any]]:
    """A cursor in the transaction under way that takes these arrays as parameters. It sends values
    apart from the statement, which Django's own does not; errors are Django's all the same.
    """
    connection.ensure_connection()
    held = connection.connection
    if held not in _KNOW:
        for kind, dumper in DUMPERS.items():
            held.adapters.register_dumper(kind, dumper)
        _KNOW.add(held)
    with connection.wrap_database_errors, psycopg.Cursor(held) as cursor:
        yield cursor


def packed(values: Iterable[bytes], size: int) -> Array:
    """Values of `size` bytes each, for `Uuids` and `Digests`."""
    return np.frombuffer(b"".join(values), f"V{size}")
