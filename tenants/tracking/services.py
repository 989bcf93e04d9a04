"""Take what one tracking request told: into the inbox, or at once through the way of `/v1/events`
where something stands beside it that must take effect at once.
"""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.behaviour.models import EventBatch
from tenants.behaviour.streaming.inbox import INBOX, arrived, ring
from tenants.behaviour.streaming.streaming import accept_together
from tenants.behaviour.streaming.told import Told
from tenants.consent.signals import honour_gpc
from tenants.errors import AppError
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
) -> EventBatch:
    """Store now what may be stored, once for each messageId, and record what became of the rest.

    `sent` and `context` are those of the whole batch; `gpc` says that the browser asked to stop
    passing on. AppError `too_many_acts`, and what `accept_together` refuses.
    """
    acts_in(messages)
    moment = now()
    told = read_messages(messages, Envelope(moment, sent, context, Narrowing()))
    whole = Told(told.events, actor, told.passed_over, received_at=moment)
    return _accept(whole, gpc, trusted)


def keep_messages(
    *, body: bytes, messages: list[Any], kind: str, tenant_id: UUID, actor: Actor, trusted: bool
) -> UUID:
    """Keep the request for whoever lands it, committed, outside a scope; the id that the record of
    what becomes of it will have. AppError `too_many_acts`, and what `inbox.put` refuses.
    """
    kept = arrived(
        body,
        tenant_id=tenant_id,
        actor_ref=actor.ref,
        trusted=trusted,
        kind=kind,
        acts=acts_in(messages),
    )
    INBOX.accept(tenant_id, kept, trusted=True)
    ring(tenant_id)
    return kept.id


def acts_in(messages: list[Any]) -> int:
    """The most acts that the messages can be: one each, or one for each product."""
    acts = sum(map(_most_acts, messages))
    if acts > MOST_ACTS:
        raise AppError(
            "too_many_acts",
            f"The products of these messages are more than {MOST_ACTS:,} acts. Send fewer at once.",
            param="batch",
        )
    return acts


def _most_acts(message: Any) -> int:
    properties = message.get("properties") if isinstance(message, dict) else None
    products = properties.get("products") if isinstance(properties, dict) else None
    return len(products) or 1 if isinstance(products, list) else 1


@transaction.atomic
def _accept(told: Told, gpc: bool, trusted: bool) -> EventBatch:
    accepted = accept_together([told], trusted=trusted)[0]
    if gpc:
        users = sorted({event.user_id for event in told.events if event.user_id})
        honour_gpc(user_ids=users, actor=told.actor)
    return accepted.batch
