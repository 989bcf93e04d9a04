"""Doorbells. Each calls one function and holds no logic of its own."""

from celery import shared_task

from tenants.work import duties, queue
from tenants.work.away import passed_over
from tenants.work.run import run_waiting


@shared_task(name=queue.LOOK)
def look(queue_name: str) -> None:
    """Work until the queue is empty."""
    with passed_over(queue.LOOK):
        run_waiting(queue_name)


@shared_task(name="work.reap")
def reap() -> None:
    """Find what a lost message or a dead worker left, and ring for it."""
    with passed_over("work.reap"):
        for name in queue.reap():
            queue.ring(name)


@shared_task(name="work.duties")
def tenant_duties() -> None:
    """The periodic duties, tenant by tenant."""
    with passed_over("work.duties"):
        duties.run_all()
