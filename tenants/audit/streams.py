"""A stream of sealed rows out of one table. Knows of a row its id and what its leaf covers."""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
import psycopg
from django.db.models import Model
from psycopg.types.json import set_json_loads

from tenants.audit.canonical import row_leaf_hash
from tenants.isolation.binary_arrays import Uuids, array_cursor, packed

# Rows are sealed oldest first, and one may be committed long after its id was made; longer than
# this no transaction lasts. What lies further back was sealed, and is not looked through again.
LATEST_COMMIT = timedelta(days=1)


class TableStream:
    """The rows of `model` in the tenant's scope, as `tenants.audit.sealing.Stream`.

    `name` is the one under which settings list the stream; `model.content(row)` is what a row's
    leaf covers, canonical JSON's types alone. Asked every minute for every tenant, and of every
    answer once: so its questions are written out, and rows are plain values under the names of
    their columns. Making questions and models took longer than asking.
    """

    def __init__(self, name: str, model: type[Model]) -> None:
        self.name = name
        self.model = model
        self._table = model._meta.db_table

    def unsealed(self, limit: int) -> list[tuple[UUID, bytes]]:
        with array_cursor() as cursor:
            newest = cursor.execute(NEWEST, [self.name]).fetchone()
            since = _from_where(newest[0] if newest else None)
            return list(self._leaves(cursor, UNSEALED, [since, self.name, limit]))

    def leaves(self, row_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        ids = Uuids(packed((row_id.bytes for row_id in row_ids), 16))
        with array_cursor() as cursor:
            return dict(self._leaves(cursor, NAMED, [ids]))

    def _leaves(
        self, cursor: psycopg.Cursor[Any], question: str, asked: Sequence[Any]
    ) -> Iterator[tuple[UUID, bytes]]:
        set_json_loads(orjson.loads, cursor)
        cursor.execute(question.format(table=self._table).encode(), asked, binary=True)
        names = [column.name for column in cursor.description or ()]
        content = self.model.content  # type: ignore[attr-defined]
        for values in cursor.fetchall():
            row = SimpleNamespace(**dict(zip(names, values, strict=True)))
            yield row.id, row_leaf_hash(content(row))


# Row-level security answers for the tenant in scope alone.
NEWEST = "select row_id from audit_sealedrow where stream = %s order by row_id desc limit 1"
UNSEALED = """
select * from {table} as own where id >= %s and not exists (
    select from audit_sealedrow as sealed where sealed.tenant_id = own.tenant_id
    and sealed.stream = %s and sealed.row_id = own.id)
order by id limit %s
"""
NAMED = "select * from {table} where id = any(%s)"


def _from_where(newest: UUID | None) -> UUID:
    """The least id that a row without a seal can have, behind the newest that has one: its first 48
    bits are milliseconds (RFC 9562, section 5.7)."""
    if newest is None:
        return UUID(int=0)
    # A machine whose clock goes ahead must not hide what others write now.
    moment = min(newest.int >> 80, time.time_ns() // 1_000_000)
    return UUID(int=max(moment - LATEST_COMMIT // timedelta(milliseconds=1), 0) << 80)
