"""The doorbell of an inbox. Holds no logic of its own."""

from uuid import UUID

from celery import shared_task

from tenants.behaviour.streaming.inbox import LAND
from tenants.tracking.landing import answer_ring
from tenants.work.away import passed_over


@shared_task(name=LAND)
def land_inbox(tenant_id: str) -> None:
    """Land one round of what waits."""
    with passed_over(LAND):
        answer_ring(UUID(tenant_id))
