"""Behind the acknowledgement: the requests that wait in a tenant's inbox become events.

Many at a time, in one transaction with their records and with their leaving the inbox, so that a
kill at any place neither loses nor doubles one. A request that makes landing fail is landed by
itself, apart from the others, and waits for another try.
"""

import gc
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils.timezone import now

from tenants.accounts.queries import may_work
from tenants.audit.actor import Actor
from tenants.behaviour.models import WaitingRequest
from tenants.behaviour.streaming.inbox import body_of, give_up, heard, record_id, ring_again
from tenants.behaviour.streaming.streaming import land_together
from tenants.behaviour.streaming.told import Told
from tenants.errors import AppError
from tenants.isolation.scope import tenant_scope
from tenants.tracking.bodies import measured_before
from tenants.tracking.messages import Envelope, read_messages
from tenants.tracking.narrowing import Narrowing
from tenants.work.away import is_away

logger = logging.getLogger(__name__)
# Of one transaction: acts, the inflated bytes of their bodies, and requests. Larger ones cost less
# for an act, but whoever is erased waits for their end.
MOST_ACTS, MOST_BYTES, MOST_REQUESTS = 20_000, 32 << 20, 2_000
# After the first faults, and once it is held up.
SOON, LATER = timedelta(seconds=10), timedelta(hours=1)
KEPT = timedelta(days=30)
# So many digits in a row may be a number that has no place in 64 bits.
DIGITS, LONG = bytes.maketrans(b"123456789", b"0" * 9), b"0" * 19
ALONE = "select pg_advisory_xact_lock(hashtextextended(%s, 0))"


def land(tenant_id: UUID) -> bool:
    """Land what waits longest, outside a scope; whether more waits. A suspended tenant's waits on.
    Raises where the database is away.
    """
    if not may_work(tenant_id):
        return False
    chosen: list[UUID] = []
    try:
        with tenant_scope(tenant_id):
            _alone(tenant_id)
            chosen, more = _choose()
            _land(chosen)
            return more
    except Exception as error:  # whosever fault it is: it shows when each is landed by itself
        if is_away(error) or not chosen:  # of no request: whoever asks again would ask for ever
            raise
        logger.exception("%s waiting requests of tenant %s", len(chosen), tenant_id)
    for one in chosen:
        _land_apart(tenant_id, one)
    return True


def look(tenant_id: UUID) -> None:
    """Periodic duty: ring for an inbox that nobody was rung for, end what was held up too long."""
    with tenant_scope(tenant_id):
        give_up(received_by=now() - KEPT, held_up=True)
        waits = _due().exists()
    if waits:
        ring_again(tenant_id)


def answer_ring(tenant_id: UUID) -> None:
    """Land one round of an inbox; the rest in its turn behind other tenants' inboxes."""
    heard(tenant_id)
    if land(tenant_id):
        ring_again(tenant_id)


def _due() -> QuerySet[WaitingRequest]:
    return WaitingRequest.objects.filter(Q(retry_at=None) | Q(retry_at__lte=now()))


def _alone(tenant_id: UUID) -> None:
    """One at a time lands a tenant's inbox: two would only wait for each other's rows."""
    with connection.cursor() as cursor:
        cursor.execute(ALONE, [f"inbox:{tenant_id}"])


def _choose() -> tuple[list[UUID], bool]:
    """Those that are landed together, the oldest first, and whether more waits behind them."""
    sizes = list(_due().order_by("id").values_list("id", "acts", "bytes")[: MOST_REQUESTS + 1])
    chosen: list[UUID] = []
    acts = size = 0
    for one, own_acts, own_size in sizes[:MOST_REQUESTS]:
        acts, size = acts + own_acts, size + own_size
        if chosen and (acts > MOST_ACTS or size > MOST_BYTES):
            break
        chosen.append(one)
    return chosen, len(chosen) < len(sizes)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Thousands of rows at once, and no circle among them: to look for one in all that the process
    holds, again and again while they are made, took a third of the time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@_uncollected()
def _land(chosen: Sequence[UUID]) -> None:
    """In the tenant's scope and one transaction with whatever the caller does."""
    rows = list(WaitingRequest.objects.filter(pk__in=chosen).order_by("id"))
    narrowing = Narrowing()
    for trusted in (True, False):
        told = [_told(row, narrowing) for row in rows if row.trusted is trusted]
        if told:
            land_together(told, trusted=trusted)
    WaitingRequest.objects.filter(pk__in=chosen).delete()


def _told(row: WaitingRequest, narrowing: Narrowing) -> Told:
    body = _read(body_of(row))
    envelope = Envelope(row.received_at, body.get("sentAt"), body.get("context"), narrowing)
    told = read_messages(measured_before(body, row.kind), envelope)
    actor = Actor(type="key", ref=row.actor_ref)
    return Told(told.events, actor, told.passed_over, record_id(row), row.received_at)


def _read(raw: bytes) -> Any:
    """What was read before it was acknowledged, by one of the two: as the slower one reads it,
    which keeps whole numbers of any length.
    """
    if LONG not in raw.translate(DIGITS):
        with suppress(ValueError):
            return orjson.loads(raw)
    try:
        return json.loads(raw)
    except RecursionError:
        return orjson.loads(raw)


def _land_apart(tenant_id: UUID, chosen: UUID) -> None:
    try:
        with tenant_scope(tenant_id):
            _alone(tenant_id)
            _land([chosen])
    except Exception as error:  # whatever it is, those behind it must be landed
        if is_away(error):
            raise
        code = error.code if isinstance(error, AppError) else type(error).__name__
        logger.exception("waiting request %s of tenant %s", chosen, tenant_id)
        with tenant_scope(tenant_id):
            _note_fault(chosen, code)


def _note_fault(chosen: UUID, code: str) -> None:
    own = WaitingRequest.objects.filter(pk=chosen)
    own.update(attempts=F("attempts") + 1, fault=code, retry_at=now() + SOON)
    own.filter(attempts__gte=WaitingRequest.HELD_UP).update(retry_at=now() + LATER)
