"""The form of what an erasure must reach beyond rows: files, caches, exports, models.

Settings list the classes (ERASURE_REACH), so that a floor above this room is reached as well.
"""

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from tenants.audit.actor import Actor


class Reach:
    """One kind of thing. Whatever it does may be done again: a killed sweep begins anew."""

    name = ""

    def held(self, subject_id: int) -> int:
        """In the tenant's scope: how many such things hold, or may hold, the person."""
        return 0

    def mark(self, subject_id: int, actor: Actor) -> None:
        """In the erasure's own transaction: what must count from the next request on."""

    def sweep(self, tenant_id: UUID, subject_id: int) -> None:
        """Behind that transaction, in no scope: destroy. What fails is tried again later."""

    def facts(self, subject_id: int) -> dict[str, Any]:
        """In the tenant's scope: what the certificate says of it beside the counts."""
        return {}

    def is_due(self, subject_id: int) -> bool:
        """In the tenant's scope: whether something may stay for a while and is not gone yet."""
        return False


def reaches() -> list[Reach]:
    """What settings list, in order."""
    return [cast(Reach, import_string(dotted)()) for dotted in settings.ERASURE_REACH]
