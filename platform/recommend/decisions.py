"""The decision log as a stream that is sealed in batches."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef

from recommend.models import Decision
from tenants.audit.canonical import leaf_hash
from tenants.audit.models import SealedRow

NAME = "decisions"


class DecisionStream:
    """Answers of the tenant in scope, as `tenants.audit.sealing.Stream`."""

    def unsealed(self, limit: int) -> list[tuple[UUID, bytes]]:
        sealed = SealedRow.objects.filter(
            tenant_id=OuterRef("tenant_id"), stream=NAME, row_id=OuterRef("id")
        )
        rows = Decision.objects.filter(~Exists(sealed)).order_by("id")[:limit]
        return [(row.id, leaf_hash(row.content())) for row in rows]

    def leaves(self, row_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        rows = Decision.objects.filter(id__in=list(row_ids))
        return {row.id: leaf_hash(row.content()) for row in rows}


stream = DecisionStream()
