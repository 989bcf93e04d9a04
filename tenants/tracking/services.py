"""Take what one tracking request told: its events through the way of `/v1/events`, and for the
record whatever can be none.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.behaviour.models import EventBatch
from tenants.behaviour.streaming.gathering import GATHERING
from tenants.behaviour.streaming.streaming import Told, accept_together
from tenants.consent.signals import honour_gpc
from tenants.errors import AppError
from tenants.isolation.scope import current_tenant
from tenants.tracking.messages import Envelope, read_messages
from tenants.tracking.narrowing import Narrowing

# Acts of one request: far more than real orders in a batch of the published size come to.
MOST_ACTS = 10_000


def accept_messages(
    *,
    messages: list[Any],
    sent: Any,
    context: Any,
    gpc: bool,
    actor: Actor,
    trusted: bool,
    leave_scope: Callable[[], None] | None = None,
) -> EventBatch:
    """Store what may be stored, once for each messageId, and record what became of the rest.

    `sent` and `context` are those of the whole batch; `gpc` says that the browser asked to stop
    passing on. With `leave_scope`, which ends the caller's transaction, the events are landed with
    those of other requests; not where something stands beside them. AppError `too_many_acts`, and
    what `accept_together` refuses.
    """
    told = _read(messages, sent, context, actor)
    if leave_scope is None or gpc:
        return _accept(told, gpc, trusted)
    tenant_id = current_tenant()
    leave_scope()
    return GATHERING.accept(tenant_id, told, trusted=trusted).batch


def _read(messages: list[Any], sent: Any, context: Any, actor: Actor) -> Told:
    told = read_messages(messages, Envelope(now(), sent, context, Narrowing()))
    if len(told.events) > MOST_ACTS:
        raise AppError(
            "too_many_acts",
            f"The products of these messages are more than {MOST_ACTS:,} acts. Send fewer at once.",
            param="batch",
        )
    return Told(told.events, actor, told.passed_over)


@transaction.atomic
def _accept(told: Told, gpc: bool, trusted: bool) -> EventBatch:
    accepted = accept_together([told], trusted=trusted)[0]
    if gpc:
        users = sorted({event["user_id"] for event in told.events})
        honour_gpc(user_ids=users, actor=told.actor)
    return accepted.batch
