"""A stream of sealed rows out of one table. Knows of a row its id and what its leaf covers."""

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, QuerySet

from tenants.audit.canonical import leaf_hash
from tenants.audit.models import SealedRow

# Rows are sealed oldest first, and one may be committed long after its id was made; longer than
# this no transaction lasts. What lies further back was sealed, and is not looked through again.
LATEST_COMMIT = timedelta(days=1)


class Sealable(Protocol):
    """A row that can be sealed: `content` is what its leaf covers, canonical JSON's types alone."""

    id: UUID

    def content(self) -> Mapping[str, Any]: ...


class TableStream:
    """The rows of `model` in the tenant's scope, as `tenants.audit.sealing.Stream`.

    `name` is the one under which settings list the stream.
    """

    def __init__(self, name: str, model: type[Model]) -> None:
        self.name = name
        self.model = model

    def unsealed(self, limit: int) -> list[tuple[UUID, bytes]]:
        sealed = SealedRow.objects.filter(
            tenant_id=OuterRef("tenant_id"), stream=self.name, row_id=OuterRef("id")
        )
        rows = self._rows().filter(~Exists(sealed), id__gte=self._from_where())
        return _leaves(rows.order_by("id")[:limit])

    def leaves(self, row_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        return dict(_leaves(self._rows().filter(id__in=list(row_ids))))

    def _from_where(self) -> UUID:
        """The least id that a row without a seal can have: its first 48 bits are milliseconds
        (RFC 9562, section 5.7)."""
        newest = SealedRow.objects.filter(stream=self.name).order_by("-row_id").first()
        if newest is None:
            return UUID(int=0)
        # A machine whose clock goes ahead must not hide what others write now.
        moment = min(newest.row_id.int >> 80, time.time_ns() // 1_000_000)
        return UUID(int=max(moment - LATEST_COMMIT // timedelta(milliseconds=1), 0) << 80)

    def _rows(self) -> QuerySet[Any]:
        return self.model._default_manager.all()


def _leaves(rows: Iterable[Sealable]) -> list[tuple[UUID, bytes]]:
    return [(row.id, leaf_hash(row.content())) for row in rows]
