"""A stream of sealed rows out of one table. Knows of a row its id and what its leaf covers."""

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import JSONField, Model

from tenants.audit.canonical import row_leaf_hash

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
        fields = model._meta.concrete_fields
        self._json = [str(field.column) for field in fields if isinstance(field, JSONField)]

    def unsealed(self, limit: int) -> list[tuple[UUID, bytes]]:
        with connection.cursor() as cursor:
            cursor.execute(NEWEST, [self.name])
            newest = cursor.fetchone()
            since = _from_where(newest[0] if newest else None)
            cursor.execute(UNSEALED.format(table=self._table), [since, self.name, limit])
            return list(self._leaves(cursor))

    def leaves(self, row_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        with connection.cursor() as cursor:
            cursor.execute(NAMED.format(table=self._table), [list(row_ids)])
            return dict(self._leaves(cursor))

    def _leaves(self, cursor: CursorWrapper) -> Iterator[tuple[UUID, bytes]]:
        names = [column.name for column in cursor.description]
        content = self.model.content  # type: ignore[attr-defined]
        for values in cursor.fetchall():
            row = SimpleNamespace(**dict(zip(names, values, strict=True)))
            for name in self._json:  # which Django's connections leave as text
                setattr(row, name, orjson.loads(getattr(row, name)))
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
