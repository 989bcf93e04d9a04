"""The doorbell of the end: once a minute, whose time is over."""

from celery import shared_task

from tenants.departure.finishing import finish_due
from tenants.work.away import passed_over


@shared_task(name="departure.finish")
def finish() -> None:
    """End the tenants whose grace is over."""
    with passed_over("departure.finish"):
        finish_due()
