"""Training that starts by itself, only ever under a standing approval and never beside an open job.

The first time once data are in; then by the tenant's rule: after so many days, when enough new
consented events came, or when people take up items that the serving version does not know.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import Count, Q
from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.behaviour.models import Event, Upload
from tenants.errors import AppError, TooMany
from tenants.isolation.scope import current_tenant, tenant_scope
from tenants.work import queue
from tenants.work.queue import Lease
from training.engine.bundle import CATALOGUE_FILE
from training.jobs import life
from training.jobs.control import create_job
from training.jobs.devices import widest
from training.jobs.evidence import tensors_of
from training.jobs.models import Job, RetrainingRule, Snapshot, StandingApproval, Version
from training.jobs.queries import serving
from training.jobs.rules import rule
from training.jobs.validating import counted

logger = logging.getLogger(__name__)
ACTOR = system("automatic")
FIRST = "first_data"
# Data are counted once an hour at most, and two jobs by themselves lie a day apart: a job that
# fails for its data would otherwise be tried again every minute.
LOOK_EVERY, PAUSE = timedelta(hours=1), timedelta(days=1)
RECENT = timedelta(days=7)
FEWEST_RECENT = 50  # with fewer recent events their share says nothing


def run(lease: Lease) -> None:
    """Worker function of `first_training`: start a job when nothing stands against it."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        code = ""
        if _wanted():
            try:
                create_job(actor=ACTOR, trigger=FIRST)
            except TooMany as refused:  # a person starts it once the month or the plan allows
                code = refused.code
        queue.finish(lease, code=code)


def _wanted() -> bool:
    """A standing approval, no job yet but such as came before the data, no upload on its way.

    Its own such job keeps it back for an hour, or many small uploads would start as many.
    """
    earlier = ~Q(trigger=FIRST) | Q(created_at__lt=now() - LOOK_EVERY)
    before_data = earlier & Q(state=life.FAILED, error__code="too_little_data")
    return _approved() and not Job.objects.exclude(before_data).exists() and not _uploading()


def retrain(tenant_id: UUID) -> str:
    """Periodic duty: start a job when the tenant's rule says so; the trigger's code, or ""."""
    with tenant_scope(tenant_id):
        if not _approved() or not _rested() or _uploading():
            return ""
        current = rule()
        reason = _first(current, cheap=True)
        if not reason and _may_look(current):
            reason = _first(current, cheap=False)
        return reason if reason and _start(reason) else ""


def retrain_tainted(*, version: Version) -> Job | None:
    """Start a job because `version` holds traces of erased data, without waiting for a pause.

    None where there is no standing approval, a job is open (its snapshot may be newer than the
    erasure: whoever erases asks again when it has ended), or a limit is reached.
    """
    if version.tainted_at is None or not _approved() or _open():
        return None
    return _start("taint")


@dataclass(frozen=True)
class Trigger:
    """A reason to train anew; a cheap one looks at a few rows, the others count events."""

    code: str
    cheap: bool
    holds: Callable[[RetrainingRule], bool]


def _due(current: RetrainingRule) -> bool:
    """The last snapshot is older than the rule allows."""
    last = _last_snapshot()
    if not current.every_days or last is None:
        return False
    return last.created_at <= now() - timedelta(days=current.every_days)


def _grown(current: RetrainingRule) -> bool:
    """Consented events since the last snapshot, as a share of what it held."""
    last = _last_snapshot()
    if not current.new_share or last is None or not last.events:
        return False
    return (counted()["events"] - last.events) / last.events >= current.new_share


def _drifted(current: RetrainingRule) -> bool:
    """The share of the newest week's events on items that what serves does not know.

    A change of tastes among known items does not show here.
    """
    served = serving()
    if not current.unknown_share or served is None:
        return False
    newest = Event.objects.order_by("-occurred_at").values_list("occurred_at", flat=True).first()
    catalogue = tensors_of(served.version, CATALOGUE_FILE)
    if newest is None or not catalogue:
        return False
    recent = Event.objects.filter(occurred_at__gt=newest - RECENT).order_by()
    rows = list(recent.values_list("item_id").annotate(Count("id")))
    items, counts = np.array(rows, dtype=np.int64).T
    strange = counts[~np.isin(items, catalogue["items"])].sum()
    return bool(counts.sum() >= FEWEST_RECENT and strange / counts.sum() >= current.unknown_share)


TRIGGERS = (
    Trigger("schedule", True, _due),
    Trigger("new_data", False, _grown),
    Trigger("drift", False, _drifted),
)


def _first(current: RetrainingRule, *, cheap: bool) -> str:
    return next((one.code for one in TRIGGERS if one.cheap == cheap and one.holds(current)), "")


def _approved() -> bool:
    return StandingApproval.objects.filter(enabled=True).exists()


def _open() -> bool:
    return Job.objects.exclude(state__in=life.ENDED).exists()


def _uploading() -> bool:
    return Upload.objects.filter(state__in=(Upload.RECEIVED, Upload.RUNNING)).exists()


def _rested() -> bool:
    """No job is open and the last one is old enough, whoever started it and however it ended."""
    last = Job.objects.order_by("-created_at").first()
    return last is not None and not _open() and last.created_at <= now() - PAUSE


def _last_snapshot() -> Snapshot | None:
    """What the newest version was made from."""
    version = Version.objects.select_related("snapshot").order_by("-number").first()
    return version.snapshot if version else None


def _may_look(current: RetrainingRule) -> bool:
    """Whether counting is due again, and note that it is done now."""
    if current.looked_at and current.looked_at > now() - LOOK_EVERY:
        return False
    RetrainingRule.objects.update_or_create(
        tenant_id=current_tenant(), defaults={"looked_at": now()}
    )
    return True


def _start(reason: str) -> Job | None:
    """The job; None when the month or the plan allows none, or its base is allowed no more."""
    last = Job.objects.order_by("-created_at").first()
    order: dict[str, Any] = {}
    if last:
        order = {"base_model": last.base_model, "params": _still_possible(last)}
    try:
        return create_job(actor=ACTOR, trigger=reason, **order)
    except AppError as refused:  # a person meets the same refusal, with its words, at the page
        logger.info("no training by itself: %s", refused.code)
        return None


def _still_possible(last: Job) -> dict[str, Any]:
    """Its parameters; on one device where no machine has as many as it had any more."""
    fits = last.devices <= widest()
    return {name: value for name, value in last.params.items() if fits or name != "devices"}
