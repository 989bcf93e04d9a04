"""Running what was claimed: look up the worker function, decide what its failure means."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from celery.worker import state
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils.module_loading import import_string

from tenants.errors import is_full
from tenants.work import queue
from tenants.work.away import is_away
from tenants.work.kinds import WorkKind
from tenants.work.queue import Lease, LeaseLost

logger = logging.getLogger(__name__)
BACK_OFF = timedelta(seconds=5)
# How soon the work of a suspended tenant is looked at again.
RESTS = timedelta(seconds=30)
# How soon work that met a full disk is tried again.
NO_ROOM = timedelta(seconds=30)
# Seconds between two attempts to reach a database that is away; together about a lease.
AWAY = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)


class Stopped(Exception):
    """The worker is shutting down; the work goes back to the queue uncharged."""


class Resting(Exception):
    """The work's tenant was suspended meanwhile; the work goes back uncharged and waits."""


def run_waiting(queue_name: str) -> int:
    """Claim and run items of `queue_name` until none is waiting; returns how many were run."""
    count = 0
    while lease := queue.claim(queue_name):
        if not run_one(lease):
            break
        count += 1
    return count


def run_one(lease: Lease) -> bool:
    """Run one leased item. False when this worker should stop looking.

    A worker function closes its own item (`finish`) in the transaction of its result; whether a
    failure is final is its own judgement, `attempts` of its kind is only the hard stop.
    """
    try:
        return _attempt(lease, settings.WORK_KINDS[lease.kind])
    except LeaseLost:
        logger.warning("lease lost: %s %s", lease.kind, lease.object_id)
        return True


def _attempt(lease: Lease, kind: WorkKind) -> bool:
    if not _may_run(lease):
        return _let_rest(lease)
    try:
        # Work that kills its worker leaves no exception behind, only attempts.
        if lease.attempt > kind.attempts:
            _end_crashed(lease, kind)
        else:
            import_string(kind.run)(lease)
    except LeaseLost:
        raise
    except Stopped:
        queue.give_back(lease, charge=False)
        return False
    except Resting:
        return _let_rest(lease)
    except Exception as error:  # noqa: BLE001 # logged; the row must not stay leased: wait, retry
        _log_failure(lease, error)
        full = is_full(error)
        _patiently(lambda: _retry_or_give_up(lease, kind, full=full))
    return True


def _log_failure(lease: Lease, error: Exception) -> None:
    told = (lease.attempt, lease.kind, lease.object_id)
    if is_away(error):
        logger.warning("attempt %s of %s %s: the database went away", *told)
    elif is_full(error):
        logger.error("attempt %s of %s %s: the disk is full", *told)
    else:
        logger.exception("attempt %s of %s %s", *told)


def _retry_or_give_up(lease: Lease, kind: WorkKind, *, full: bool) -> None:
    if full:  # whatever it was for is not to blame, and goes on once there is room
        queue.give_back(lease, charge=False, wait=NO_ROOM)
    elif lease.attempt >= kind.attempts:
        _end_crashed(lease, kind)
    else:
        queue.give_back(lease, charge=True, wait=BACK_OFF * min(lease.attempt, 12))


def _end_crashed(lease: Lease, kind: WorkKind) -> None:
    if kind.crashed:
        import_string(kind.crashed)(lease)
    else:
        queue.finish(lease, code="crashed")


def _patiently(write: Callable[[], None]) -> None:
    """Write what a failure means; where the database itself was what failed, once it is back.

    Else the row would stay leased to a worker that lives and has forgotten it. LeaseLost when it
    took too long.
    """
    for pause in AWAY:
        _drop_broken_connection()
        try:
            return write()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block:
                raise
            logger.warning("the database is away; asking again in %s s", pause)
            time.sleep(pause)
    _drop_broken_connection()
    return write()


def check_gate(lease: Lease) -> None:
    """Raise Resting when the tenant was suspended; long work asks whenever it renews its lease."""
    if not _may_run(lease):
        raise Resting


def _may_run(lease: Lease) -> bool:
    kind: WorkKind = settings.WORK_KINDS[lease.kind]
    return kind.urgent or bool(import_string(settings.WORK_GATE)(lease.tenant_id))


def _let_rest(lease: Lease) -> bool:
    queue.give_back(lease, charge=False, wait=RESTS)
    return True


def _drop_broken_connection() -> None:
    """After an error the database connection may be gone: the next query opens a new one."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def stopping() -> bool:
    """Whether this worker was asked to stop; long work looks here and raises Stopped."""
    return state.should_stop is not None or state.should_terminate is not None
