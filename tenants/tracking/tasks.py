"""The doorbell of an inbox. Holds no logic of its own."""

from uuid import UUID

from celery import shared_task

from tenants.work.away import passed_over
from tenants.work.streams import LAND


@shared_task(name=LAND)
def land_inbox(tenant_id: str) -> None:
    """Land one round of what waits."""
    from tenants.tracking.landing import answer_ring  # not above: who only rings loads nothing

    with passed_over(LAND):
        answer_ring(UUID(tenant_id))
