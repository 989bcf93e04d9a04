"""A stream of sealed rows out of one table. Knows of a row its id and what its leaf covers."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, QuerySet

from tenants.audit.canonical import leaf_hash
from tenants.audit.models import SealedRow


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
        return _leaves(self._rows().filter(~Exists(sealed)).order_by("id")[:limit])

    def leaves(self, row_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        return dict(_leaves(self._rows().filter(id__in=list(row_ids))))

    def _rows(self) -> QuerySet[Any]:
        return self.model._default_manager.all()


def _leaves(rows: Iterable[Sealable]) -> list[tuple[UUID, bytes]]:
    return [(row.id, leaf_hash(row.content())) for row in rows]
