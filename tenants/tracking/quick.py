"""The usual tracking request, answered with as little as keeping it takes.

It is one whose key the door knows and has let in, with nothing beside its messages. Everything
else, and whatever goes wrong here, goes the way of every view (`tenants.access.api`), which asks
all of it again and says what is wrong: here is no refusal, only the answer that all was kept.
Whether a key is valid is asked of the database all the same, once for those that come at the same
moment.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException

from tenants.access.bearer import key_in
from tenants.access.door import VERDICT
from tenants.access.errors import answer_outside
from tenants.access.origins import let_read
from tenants.access.rates import RATES, caller_of
from tenants.access.rights import Right
from tenants.accounts.queries import FoundKey, key_scope
from tenants.accounts.tokens import PUBLIC, Token, parse_token
from tenants.behaviour.streaming.gathering import Gathering, Lane
from tenants.behaviour.streaming.inbox import Arrived, arrived, put, ring
from tenants.errors import AppError, Unavailable
from tenants.ids import public_id
from tenants.tracking.bodies import BATCH_BYTES, inflated, messages_of
from tenants.tracking.services import acts_in

# The header that says under which id `/v1/event_batches` tells of the request.
BATCH_ID = "Event-Batch-Id"
SUCCESS = b'{"success":true}'


class Unusual(Exception):
    """Something here is for the usual way to judge."""


def is_quick(request: HttpRequest) -> bool:
    """Whether the door knew its key, and nothing stands beside its messages."""
    asked = request.META
    return (
        VERDICT in asked
        and "HTTP_SEC_GPC" not in asked
        and "HTTP_IDEMPOTENCY_KEY" not in asked
        and 0 < int(asked.get("CONTENT_LENGTH") or 0) <= BATCH_BYTES
    )


def quick_answer(request: HttpRequest, kind: str) -> HttpResponseBase | None:
    """The answer to a request that was kept, committed; None when it is not for here."""
    token = parse_token(key_in(request.META.get("HTTP_AUTHORIZATION", "")))
    if token is None:
        return None
    try:
        origin = request.META.get("HTTP_ORIGIN", "").lower()
        kept = BY_KEY.accept(token, (_read(request, token, kind), origin), trusted=True)
    except (OperationalError, InterfaceError):
        return answer_outside(request, Unavailable())
    except (Unusual, AppError, APIException, ValueError, RecursionError):
        return None
    answer = HttpResponse(SUCCESS, content_type="application/json")
    answer[BATCH_ID] = public_id("event batch", kept.id)
    for name, value in request.META[VERDICT].headers().items():
        answer[name] = value
    let_read(answer)
    return answer


def _read(request: HttpRequest, token: Token, kind: str) -> Arrived:
    """The request, its body sealed. Whatever a body may be refused for, and ValueError."""
    raw = inflated(request.body, request.headers)
    messages = messages_of(orjson.loads(raw), kind, len(raw))
    return arrived(
        raw,
        tenant_id=token.tenant_id,
        actor_ref="",
        trusted=False,
        kind=kind,
        acts=acts_in(messages),
    )


# A request and the page that it came from.
Asked = tuple[Arrived, str]


class GatheringByKey(Gathering[Asked, Arrived]):
    """Requests of one key: the question for the key enters its tenant's scope for all of them."""

    def landed(self, lane: Lane, told: Sequence[Asked]) -> Sequence[Arrived]:
        token, _ = lane
        with key_scope(token) as key:
            if key is None or Right.WRITE_EVENTS.value not in key.scopes:
                raise Unusual
            if key.origins and any(origin not in key.origins for _, origin in told):
                raise Unusual
            RATES.learn(token.hash, caller_of(key))
            kept = self._land(told, key=key)
        ring(token.tenant_id)
        return kept


def keep(told: Sequence[Asked], *, key: FoundKey) -> list[Arrived]:
    """Put them into the inbox of the tenant in scope, as this key's."""
    ref, trusted = public_id("key", key.id), key.kind != PUBLIC
    kept = [replace(one, actor_ref=ref, trusted=trusted) for one, _ in told]
    put(kept, trusted=True)
    return kept


def _one(request: Any) -> int:
    return 1


BY_KEY = GatheringByKey(keep, _one)
