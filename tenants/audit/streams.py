"""A stream of sealed rows out of one table. Knows of a row its id and what its leaf covers."""

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from django.db import connection
from django.db.models import Manager, Model

from tenants.audit.canonical import row_leaf_hash

# Rows are sealed oldest first, and one may be committed long after its id was made; longer than
# this no transaction lasts. What lies further back was sealed, and is not looked through again.
LATEST_COMMIT = timedelta(days=1)


class Sealable(Protocol):
    """A row that can be sealed: `content` is what its leaf covers, canonical JSON's types alone."""

    id: UUID

    def content(self) -> Mapping[str, Any]: ...


class TableStream:
    """The rows of `model` in the tenant's scope, as `tenants.audit.sealing.Stream`.

    `name` is the one under which settings list the stream. Asked every minute for every tenant, and
    of every answer once, so its two questions are written out: making them took longer than asking.
    """

    def __init__(self, name: str, model: type[Model]) -> None:
        self.name = name
        self.model = model

    def unsealed(self, limit: int) -> list[tuple[UUID, bytes]]:
        with connection.cursor() as cursor:
            cursor.execute(NEWEST, [self.name])
            newest = cursor.fetchone()
        question = UNSEALED.format(table=self.model._meta.db_table)
        values = [_from_where(newest[0] if newest else None), self.name, limit]
        return _leaves(self._rows().raw(question, values))

    def leaves(self, row_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        return dict(_leaves(self._rows().filter(id__in=list(row_ids))))

    def _rows(self) -> "Manager[Any]":
        return self.model._default_manager


# Row-level security answers for the tenant in scope alone.
NEWEST = "select row_id from audit_sealedrow where stream = %s order by row_id desc limit 1"
UNSEALED = """
select * from {table} as own where id >= %s and not exists (
    select from audit_sealedrow as sealed where sealed.tenant_id = own.tenant_id
    and sealed.stream = %s and sealed.row_id = own.id)
order by id limit %s
"""


def _from_where(newest: UUID | None) -> UUID:
    """The least id that a row without a seal can have, behind the newest that has one: its first 48
    bits are milliseconds (RFC 9562, section 5.7)."""
    if newest is None:
        return UUID(int=0)
    # A machine whose clock goes ahead must not hide what others write now.
    moment = min(newest.int >> 80, time.time_ns() // 1_000_000)
    return UUID(int=max(moment - LATEST_COMMIT // timedelta(milliseconds=1), 0) << 80)


def _leaves(rows: Iterable[Sealable]) -> list[tuple[UUID, bytes]]:
    return [(row.id, row_leaf_hash(row.content())) for row in rows]
