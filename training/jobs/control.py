"""What a person may ask of a job: create, cancel, pause, resume."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError, Conflict, NotFound
from tenants.isolation.scope import current_tenant
from tenants.metering.meters import DEVICE
from tenants.metering.queries import check_month, check_room
from tenants.work.queue import enqueue
from training.engine.adapters import ADAPTERS
from training.engine.failures import JobError
from training.engine.params import read_params
from training.jobs import budget, life
from training.jobs.cancelling import destroy_cancelled, mark_destroyed
from training.jobs.devices import check_fits
from training.jobs.finishing import record_end
from training.jobs.models import Job
from training.jobs.moves import ASKED, move, tell
from training.jobs.settling import settle

DEFAULT_BASE = "all-MiniLM-L6-v2"
METHODS = tuple(ADAPTERS)


@transaction.atomic
def create_job(
    *,
    actor: Actor,
    base_model: str = DEFAULT_BASE,
    method: str = "lora",
    params: dict[str, Any] | None = None,
    seed: int = 0,
    name: str = "",
    metadata: dict[str, str] | None = None,
    trigger: str = "manual",
) -> Job:
    """Make a fine-tuning job, which is validated, waits for its turn and is run by a worker; its
    data are frozen when it starts.

    Conflict (`jobs_queued`) when as many wait as the plan allows; TooMany when the month's
    device-seconds are used up (`quota_exceeded`) or reserved (`over_budget`); AppError on a
    parameter that makes no sense, and on a base that the installation does not allow: a path of
    the tenant's choice would show what lies on the machine, other tenants' folders too.
    """
    base_model = base_model or DEFAULT_BASE
    check_order(base_model=base_model, method=method, params=params or {})
    budget.check_place()
    check_month(DEVICE)
    check_room(DEVICE)
    job = Job.objects.create(
        name=name,
        base_model=base_model,
        method=method,
        params=params or {},
        metadata=metadata or {},
        seed=seed,
        trigger=trigger,
        actor_ref=actor.ref,
    )
    tell(job, "job.created")
    enqueue("job_check", tenant_id=current_tenant(), object_id=job.id)
    record(
        AuditEvent.JOB_CREATED,
        actor=actor,
        object_id=job.public_id,
        details={"base_model": job.base_model},
    )
    return job


def check_order(*, base_model: str, method: str, params: dict[str, Any]) -> None:
    """AppError, naming the field, when no job could be run so; asks nothing of the data.

    `too_many_devices` when no machine that is known could ever give it so many.
    """
    if base_model not in settings.BASE_MODELS:
        known = ", ".join(settings.BASE_MODELS)
        raise AppError("base_model_not_allowed", f"Choose one of {known}.", param="base_model")
    if method not in METHODS:
        raise AppError("unknown_method", f"Choose one of {', '.join(METHODS)}.", param="method")
    for name in sorted(ADAPTERS[method].ignores & params.keys()):
        raise AppError(
            "bad_param", f"The method {method} reads no {name}. Leave it out.", param=name
        )
    try:
        read = read_params(params)
    except JobError as error:
        raise AppError(error.code, f"{error.message}.", param=error.param) from error
    check_fits(int(read["devices"] or 1))


@transaction.atomic
def cancel_job(*, job_id: UUID, actor: Actor) -> Job:
    """End a job for good: at once while it waits, within two seconds or steps while it runs.

    Conflict (`job_ended`) when there is nothing to cancel any more.
    """
    job = _asked("cancel", job_id, actor)
    if job.state == life.CANCELLED:
        Job.objects.filter(pk=job.pk).update(finished_at=now())
        record_end(job, actor)
        mark_destroyed(job)
        transaction.on_commit(lambda: destroy_cancelled(job))
    return job


def abort_job(*, job: Job, code: str, actor: Actor) -> None:
    """Inside a transaction that holds the job's row: cancel what may not go on; `code` says why."""
    tell(job, f"job.{code}", "warn")
    Job.objects.filter(pk=job.pk).update(error={"code": code, "params": {}})
    cancel_job(job_id=job.pk, actor=actor)


@transaction.atomic
def pause_job(*, job_id: UUID, actor: Actor) -> Job:
    """Let a job rest, keeping what it has reached; Conflict (`not_pausable`) in other states."""
    return _asked("pause", job_id, actor)


@transaction.atomic
def resume_job(*, job_id: UUID, actor: Actor) -> Job:
    """Let a paused job go on from where it was; Conflict (`not_paused`) in other states.

    TooMany when the month's device-seconds have been used up meanwhile (`quota_exceeded`), or what
    the job needs yet has no room beside what others reserve (`over_budget`); it stays paused.
    """
    job = _asked("resume", job_id, actor)
    left = budget.left_of(job)
    check_month(DEVICE)
    check_room(DEVICE, left, own=left)
    enqueue(
        "job",
        tenant_id=current_tenant(),
        object_id=job.id,
        expected=left / job.devices,
        slots=job.devices,
    )
    return job


REFUSALS: dict[str, Callable[[], Conflict]] = {
    "cancel": lambda: Conflict("job_ended", "This job has ended. There is nothing to cancel."),
    "pause": lambda: Conflict("not_pausable", "Only a job that waits or runs can be paused."),
    "resume": lambda: Conflict("not_paused", "Only a paused job can be resumed."),
}


def _asked(what: str, job_id: UUID, actor: Actor) -> Job:
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    if job is None:
        raise NotFound("job")
    if not life.allowed(what, job.state):
        raise REFUSALS[what]()
    before = job.state
    move(job, life.ASKED[what][job.state])
    record(
        AuditEvent.JOB_ASKED,
        actor=actor,
        object_id=job.public_id,
        details={"asked": what, "state": before},
    )
    if job.state in ASKED:  # a worker sees it, or there is none and it waits for its turn
        transaction.on_commit(lambda: settle(job.tenant_id, job.pk))
    return job
