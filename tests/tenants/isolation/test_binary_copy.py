"""Rows in PostgreSQL's own form: what is written is what the database reads, and back."""

from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest
from django.db import connection

from tenants.isolation.binary_copy import EPOCH, UnevenRows, read, written

TYPES = {"n": ">i8", "small": ">i2", "at": ">i8", "amount": ">f8", "act": "V16", "part": ">i4"}
TABLE = """create temporary table copied (n bigint, small smallint, at timestamptz, amount float8,
    act uuid, part integer) on commit drop"""
ACT = UUID("0197aaaa-bbbb-7ccc-8ddd-eeeeffff0001")
MOMENT = datetime(2026, 3, 1, 10, 0, 0, 123456, UTC)


@pytest.fixture
def cursor(db):
    with connection.cursor() as cursor:
        cursor.execute(TABLE)
        yield cursor


def columns() -> dict[str, np.ndarray]:
    at = int(MOMENT.timestamp()) * 1_000_000 + MOMENT.microsecond
    return {
        "n": np.array([1, -(2**62)]),
        "small": np.array([7, -7]),
        "at": np.array([at - EPOCH, 0]),
        "amount": np.array([0.1, np.nan]),
        "act": np.frombuffer(ACT.bytes * 2, "V16"),
        "part": np.array([0, 2**31 - 1]),
    }


def put(cursor) -> None:
    with cursor.copy("copy copied from stdin (format binary)") as copy:
        copy.write(written(columns(), TYPES))


def taken(cursor, query: str) -> list[bytes]:
    with cursor.copy(f"copy ({query}) to stdout (format binary)") as copy:
        return [bytes(part) for part in copy]


def test_the_database_reads_what_was_written(cursor):
    put(cursor)
    cursor.execute("select n, small, at, amount, act, part from copied order by n desc")
    first, second = cursor.fetchall()
    assert first == (1, 7, MOMENT, 0.1, ACT, 0)
    assert second[:3] == (-(2**62), -7, datetime(2000, 1, 1, tzinfo=UTC))
    assert np.isnan(second[3])


def test_what_the_database_writes_is_read_back_equal(cursor):
    put(cursor)
    found = read(taken(cursor, "select * from copied"), TYPES)
    for name, column in columns().items():
        np.testing.assert_array_equal(found[name], column)


def test_no_rows_are_no_rows(cursor):
    found = read(taken(cursor, "select * from copied"), TYPES)
    assert {len(column) for column in found.values()} == {0}


@pytest.mark.parametrize(
    "query",
    [
        "select 1::bigint, null::bigint",
        "select 1::bigint, 2::integer",
        "select n, case when n > 1 then 1::bigint end from generate_series(1::bigint, 3) n",
        # As long as rows of one width would be all together.
        "select 1::bigint, repeat('x', n) from (values (4), (12)) v (n)",
    ],
)
def test_rows_that_are_not_equally_long_are_an_error(cursor, query):
    with pytest.raises(UnevenRows):
        read(taken(cursor, query), {"n": ">i8", "other": ">i8"})
