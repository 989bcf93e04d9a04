"""Between a job's order and its turn: are there data that it may use, and how long will it take?"""

from typing import Any

from tenants.accounts.life import locked_tenant
from tenants.errors import AppError
from tenants.isolation.scope import tenant_scope
from tenants.metering.meters import DEVICE
from tenants.metering.queries import check_room
from tenants.work import queue
from tenants.work.queue import Lease, enqueue
from training.jobs import estimating, finishing, life
from training.jobs.allowed import COUNTS, asked_of_training, whole_tenant
from training.jobs.control import check_order
from training.jobs.freezing import LEAST_EVENTS, too_little
from training.jobs.models import Job
from training.jobs.moves import move


def run(lease: Lease) -> None:
    """Worker function of `job_check`: from validating to queued, or failed with the reason."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        job = Job.objects.select_for_update().get(pk=lease.object_id)
        code = ""
        if job.state == life.VALIDATING:
            try:
                _queue(job)
            except AppError as refused:
                code = refused.code
                finishing.close(job, life.FAILED, {"code": code, "params": refused.params})
        queue.finish(lease, code=code)


def _queue(job: Job) -> None:
    counts = counted()
    if counts["events"] < LEAST_EVENTS:
        raise too_little(counts["events"])
    estimate = estimating.estimate(counts, job)
    seconds = estimate["device_seconds"]
    locked_tenant()  # two jobs that are checked at once must not reserve the same seconds
    check_room(DEVICE, seconds)
    move(job, life.QUEUED, {**counts, **estimate}, estimate={**counts, **estimate})
    enqueue(
        "job",
        tenant_id=job.tenant_id,
        object_id=job.id,
        expected=seconds / job.devices,
        slots=job.devices,
    )


def foresee(*, base_model: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """What a job of this order would find now, and what it would take; nothing is changed.

    As a job's own estimate; device_seconds and "from" are None where the data are too few. AppError
    on an order that `create_job` would refuse.
    """
    check_order(base_model=base_model, method=method, params=params)
    counts = counted()
    if counts["events"] < LEAST_EVENTS:
        return {**counts, "device_seconds": None, "from": None}
    order = Job(base_model=base_model, method=method, params=params)
    return {**counts, **estimating.estimate(counts, order)}


def counted() -> dict[str, int]:
    """What a snapshot taken now would hold: events, subjects, items."""
    with whole_tenant() as cursor:
        cursor.execute(asked_of_training(COUNTS))
        row: Any = cursor.fetchone()
    return dict(zip(("events", "subjects", "items"), map(int, row), strict=True))
