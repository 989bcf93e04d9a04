"""The first training by itself: once data are in, and only under a standing approval."""

from tenants.audit.actor import system
from tenants.behaviour.models import Upload
from tenants.errors import TooMany
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.queue import Lease
from training.jobs.control import create_job
from training.jobs.models import Job, StandingApproval


def run(lease: Lease) -> None:
    """Worker function of `first_training`: start a job when nothing stands against it."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        code = ""
        if _wanted():
            try:
                create_job(actor=system("automatic"), trigger="first_data")
            except TooMany as refused:  # a person starts it once the month or the plan allows
                code = refused.code
        queue.finish(lease, code=code)


def _wanted() -> bool:
    """A standing approval, no job yet, and no upload that is still on its way."""
    return (
        StandingApproval.objects.filter(enabled=True).exists()
        and not Job.objects.exists()
        and not Upload.objects.filter(state__in=(Upload.RECEIVED, Upload.RUNNING)).exists()
    )
