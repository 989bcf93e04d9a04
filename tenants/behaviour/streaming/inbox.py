"""The inbox of tracking requests: sealed and committed before they are acknowledged, landed behind.

What the bodies say is for whoever lands them. A body holds raw ids, so it is sealed under the
tenant's key for files, and its row's id is bound to it. Whoever puts something into an inbox that
nobody looks at rings; a ring that is lost costs a minute, for a periodic duty looks as well.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

import redis
from celery import current_app
from django.conf import settings
from django.db import connection
from django.utils.timezone import now
from kombu.exceptions import OperationalError

from tenants.behaviour.models import EventBatch, WaitingRequest
from tenants.behaviour.streaming.gathering import Gathering
from tenants.behaviour.streaming.packing import pack, unpack
from tenants.errors import TooMany
from tenants.ids import uuid7
from tenants.isolation.keys import seal, tenant_key, tenant_keys, unseal_with
from tenants.isolation.names import shared_name
from tenants.isolation.scope import current_tenant
from tenants.metering.meters import EVENTS
from tenants.metering.queries import check_month
from tenants.work.streams import LAND, STREAMS

# Of one tenant: beyond either, requests are refused until some are landed.
MOST_WAITING, MOST_BYTES = 50_000, 1 << 30
FULL_RETRY = 5.0  # seconds
# Seconds for which a process believes that there is room and that the month is not used up.
BELIEVED = 2.0
PATIENCE = 0.25  # seconds: nobody waits longer for Redis
# A ring is forgotten after so many seconds, should whoever was rung for never have looked.
RUNG = 5
# Less than the sealing of records looks back (`tenants.audit.streams`): a record that is made later
# than this gets an id of its own time.
SAME_ID = timedelta(hours=12)


@dataclass(frozen=True)
class Arrived:
    """One request as it is kept; see `WaitingRequest`."""

    id: UUID
    received_at: datetime
    actor_ref: str
    trusted: bool
    kind: str
    acts: int
    size: int
    sealed: bytes


def arrived(
    body: bytes, *, tenant_id: UUID, actor_ref: str, trusted: bool, kind: str, acts: int
) -> Arrived:
    """The request with its body sealed."""
    row_id = uuid7()
    sealed = seal(tenant_key(tenant_id, "files"), pack(body), _context(tenant_id, row_id))
    return Arrived(row_id, now(), actor_ref, trusted, kind, acts, len(body), sealed)


def body_of(row: WaitingRequest) -> bytes:
    """The body as it came; cryptography's InvalidTag when no key opens it."""
    keys, context = tenant_keys(row.tenant_id, "files"), _context(row.tenant_id, row.id)
    return unpack(unseal_with(keys, bytes(row.sealed), context), row.bytes)


PUT = """
insert into behaviour_waitingrequest (tenant_id, id, received_at, actor_ref, trusted, kind, acts,
    bytes, sealed, attempts, fault) values
"""
ONE = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, 0, '')"


def put(requests: Sequence[Arrived], *, trusted: bool) -> list[UUID]:
    """Keep the requests, in the transaction of the caller; their ids. TooMany when the month's
    events are used up, or too much waits already.
    """
    tenant_id = current_tenant()
    _check_room(tenant_id)
    values = [
        value
        for one in requests
        for value in (
            tenant_id, one.id, one.received_at, one.actor_ref, one.trusted, one.kind, one.acts,
            one.size, one.sealed,
        )
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(PUT + ", ".join([ONE] * len(requests)), values)
    return [one.id for one in requests]


def _one(request: Arrived) -> int:
    return 1


INBOX: Gathering[Arrived, UUID] = Gathering(put, _one)
# Tenant -> until when there is room, by this process's monotonic clock.
_ROOM: dict[UUID, float] = {}
WAITING = "select count(*), coalesce(sum(bytes), 0) from behaviour_waitingrequest"


def _check_room(tenant_id: UUID) -> None:
    if _ROOM.get(tenant_id, 0.0) > time.monotonic():
        return
    check_month(EVENTS)
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        number, size = cursor.fetchone()
    if number >= MOST_WAITING or size >= MOST_BYTES:
        raise TooMany(
            "too_much_waits",
            f"{number:,} requests of this tenant wait to be stored. Send again after Retry-After.",
            retry_after=FULL_RETRY,
        )
    if len(_ROOM) > 1_000:
        _ROOM.clear()
    _ROOM[tenant_id] = time.monotonic() + BELIEVED


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
    )


def ring(tenant_id: UUID) -> None:
    """Behind the commit: have the inbox landed, unless it was rung for and nobody looked since."""
    try:
        if _redis().set(_bell(tenant_id), 1, nx=True, ex=RUNG):
            ring_again(tenant_id)
    except redis.RedisError:
        return  # a duty looks into every inbox once a minute


def ring_again(tenant_id: UUID) -> None:
    """Have the inbox landed in its turn behind those of other tenants."""
    words = (str(tenant_id),)
    try:
        current_app.send_task(LAND, args=words, queue=STREAMS, retry=False, ignore_result=True)
    except OperationalError:
        return


def heard(tenant_id: UUID) -> None:
    """Before looking: whoever puts something in from now on rings anew."""
    try:
        _redis().delete(_bell(tenant_id))
    except redis.RedisError:
        return


def _bell(tenant_id: UUID) -> str:
    return shared_name("streams", tenant_id)


def record_id(row: WaitingRequest) -> UUID:
    """The id of the record of what became of it."""
    return row.id if now() - row.received_at < SAME_ID else uuid7()


def give_up(*, received_by: datetime, held_up: bool) -> int:
    """End requests of the tenant in scope that came up to then: their records say that a fault of
    ours kept them from being stored. `held_up`: only such. Returns how many.
    """
    least = WaitingRequest.HELD_UP if held_up else 0
    rows = list(
        WaitingRequest.objects.select_for_update()
        .filter(received_at__lte=received_by, attempts__gte=least)
        .defer("sealed")
    )
    EventBatch.objects.bulk_create(
        EventBatch(
            id=record_id(row), actor_ref=row.actor_ref, received_at=row.received_at,
            received=row.acts, accepted=0, duplicate=0, quarantined=0, rejected=row.acts,
            acts_sha256=b"", outcomes=[
                {"outcome": "rejected", "code": "not_landed", "name": "", "count": row.acts}
            ],
        )
        for row in rows
    )  # fmt: skip
    WaitingRequest.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _context(tenant_id: UUID, row_id: UUID) -> bytes:
    return b"waiting" + tenant_id.bytes + row_id.bytes
