"""Take what one tracking request told: its events through the way of `/v1/events`, and for the
record whatever can be none.
"""

from typing import Any

from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.behaviour.models import EventBatch
from tenants.behaviour.streaming import accept_events
from tenants.consent.signals import honour_gpc
from tenants.errors import AppError
from tenants.tracking.messages import Envelope, read_messages
from tenants.tracking.narrowing import Narrowing

# Acts of one request: far more than real orders in a batch of the published size come to.
MOST_ACTS = 10_000


@transaction.atomic
def accept_messages(
    *,
    messages: list[Any],
    sent: Any,
    context: Any,
    gpc: bool,
    actor: Actor,
    trusted: bool,
) -> EventBatch:
    """Store what may be stored, once for each messageId, and record what became of the rest.

    `sent` and `context` are those of the whole batch; `gpc` says that the browser asked to stop
    passing on. AppError `too_many_acts`, and what `accept_events` refuses.
    """
    told = read_messages(messages, Envelope(now(), sent, context, Narrowing()))
    if len(told.events) > MOST_ACTS:
        raise AppError(
            "too_many_acts",
            f"The products of these messages are more than {MOST_ACTS:,} acts. Send fewer at once.",
            param="batch",
        )
    accepted = accept_events(
        events=told.events, actor=actor, trusted=trusted, passed_over=told.passed_over
    )
    if gpc:
        honour_gpc(user_ids=told.users, actor=actor)
    return accepted.batch
