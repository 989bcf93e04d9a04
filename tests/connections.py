"""Other ways to the test database than the test's own connection: the owner's, and threads'."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from django.db import connection, connections

T = TypeVar("T")
WAITS = "select exists (select from pg_stat_activity where %s = any(pg_blocking_pids(pid)))"


@contextmanager
def as_owner(tenant_id: UUID | None = None) -> Iterator["psycopg.Cursor[Any]"]:
    """A cursor of the role that owns the tables, in one transaction that commits at the end."""
    name = connections["owner"].settings_dict["NAME"]
    assert name.startswith("test_")
    with as_owner_of(name, tenant_id) as cursor:
        yield cursor


@contextmanager
def as_owner_of(database: str, tenant_id: UUID | None = None) -> Iterator["psycopg.Cursor[Any]"]:
    """The same in the database of that name: a throw-away one."""
    settings = connections["owner"].settings_dict
    found = {"user": "USER", "password": "PASSWORD", "host": "HOST"}
    options = {name: settings[key] for name, key in found.items()} | {"dbname": database}
    with psycopg.connect(**options, port=settings["PORT"]) as owner, owner.cursor() as cursor:
        if tenant_id:
            cursor.execute("select set_config('app.tenant_id', %s, true)", [str(tenant_id)])
        yield cursor


def let_time_pass(*tenant_ids: UUID) -> None:
    """End the grace of committed tenants: what only the owner can, with the guard taken off."""
    _unguarded(
        "update {} set closes_at = now() - interval '1 s' where tenant_id = any(%s)", tenant_ids
    )


def forget(*tenant_ids: UUID) -> None:
    """Take committed tenants out of the register and the queue, which all tests share."""
    for table in ("work_workitem", "work_workshare", "isolation_knowntenant"):
        _unguarded("delete from {} where tenant_id = any(%s)", tenant_ids, table)


def _unguarded(
    statement: str, tenant_ids: Sequence[UUID], table: str = "isolation_knowntenant"
) -> None:
    with as_owner() as cursor:
        cursor.execute(f"alter table {table} disable trigger user")
        cursor.execute(statement.format(table), [list(tenant_ids)])
        cursor.execute(f"alter table {table} enable trigger user")


def in_threads(work: Sequence[Callable[[], T]]) -> list[T]:
    """Run every call in a thread with a connection of its own; their results, in order."""

    def run(call: Callable[[], T]) -> T:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def somebody_waits_for_us(seconds: float = 20) -> bool:
    """Whether another connection waits for a lock of this thread's; asked until one does."""
    deadline = time.monotonic() + seconds
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        (ours,) = cursor.fetchone()
        while time.monotonic() < deadline:
            cursor.execute("select pg_stat_clear_snapshot()")
            cursor.execute(WAITS, [ours])
            if cursor.fetchone()[0]:
                return True
            time.sleep(0.02)
    return False
