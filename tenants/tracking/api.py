"""Segment's public HTTP tracking API, so that its client libraries work against us unmodified.

Answers 200 `{"success": true}` to whatever can be read, as its specification says, once it is kept
on the disk. It is landed a moment later; what became of it stands in the record of the request,
`/v1/event_batches`.
"""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.rights import Right
from tenants.accounts.tokens import PUBLIC, Token
from tenants.consent.api_signals import asks_to_stop
from tenants.ids import public_id
from tenants.tracking.api_bodies import (
    BATCH,
    SUCCESS,
    BatchBody,
    MessageBody,
    TakenAnswer,
    shown,
)
from tenants.tracking.bodies import TrackingBody, messages_of
from tenants.tracking.quick import BATCH_ID, is_quick, quick_answer
from tenants.tracking.services import accept_messages, keep_messages
from tenants.tracking.write_keys import write_key

# What each kind of message is taken for, as the document says it.
SAYS = {
    "track": "Take what somebody did, under a name of the e-commerce specification or a type.",
    "page": "Take a view of a page: an event when its properties name an item.",
    "screen": "Take a view of an app's screen: an event when its properties name an item.",
    "identify": "Take who somebody is. No trait is kept and nobody becomes one with another by it; "
    "it is counted as passed over.",
    "group": "Take to which group somebody belongs. It is not kept, but counted as passed over.",
    "alias": "Take that two ids are one person's. Nobody becomes one with another by it; it is "
    "counted as passed over.",
}
KEY = "The key may also be the user name of Basic auth, or `writeKey` in the body."


class Tracking(TenantAPIView):
    """`kind` is that of the one message which the address takes; "" for a batch."""

    rights = {"POST": Right.WRITE_EVENTS}
    public_methods: ClassVar[frozenset[str]] = frozenset({"POST"})
    parser_classes = [TrackingBody]
    kind: ClassVar[str] = ""
    # The body as it came, inflated: its parser tells it.
    raw = b""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" and is_quick(request):
            answer = quick_answer(request, self.kind)
            if answer is not None:
                return answer
        return super().dispatch(request, *args, **kwargs)

    def token(self, request: Request) -> Token:
        return write_key(request, self._scopes)

    def take(self, request: TenantRequest) -> Response:
        body: Any = request.data
        messages = messages_of(body, self.kind, len(self.raw))
        trusted = request.key.kind != PUBLIC
        if self.answers_once or asks_to_stop(request):
            batch_id = accept_messages(
                messages=messages,
                sent=body.get("sentAt"),
                context=body.get("context"),
                gpc=asks_to_stop(request),
                actor=request.actor,
                trusted=trusted,
            ).id
        else:
            self.leave_scope()
            batch_id = keep_messages(
                body=self.raw,
                messages=messages,
                kind=self.kind,
                tenant_id=request.tenant_id,
                actor=request.actor,
                trusted=trusted,
            )
        return Response({"success": True}, headers={BATCH_ID: public_id("event batch", batch_id)})


class MessageBatch(Tracking):
    """Take a batch of messages of every kind, as Segment's libraries send it.

    What its e-commerce specification names becomes events here (an order one purchase for each
    product); what can be none is counted and told at `/v1/event_batches`. The `messageId` counts
    once, however often it comes. What was answered is kept and becomes events within about a
    second, longer under load: until then `/v1/event_batches/{id}` says `waiting`, with the id that
    the answer's header `Event-Batch-Id` names. `/v1/import` and `/v1/b` take the same,
    and the first letters of the other calls (`/v1/t`, `/v1/p`, …) what those take.
    """

    __doc__ = f"{__doc__}\n{KEY}"

    @extend_schema(
        operation_id="track_batch",
        tags=["tracking"],
        request={"application/json": BatchBody},
        responses={200: TakenAnswer},
        examples=[BATCH, SUCCESS],
    )
    def post(self, request: TenantRequest) -> Response:
        return self.take(request)


class OneMessage(Tracking):
    """Take one message."""

    @extend_schema(
        tags=["tracking"],
        request={"application/json": MessageBody},
        responses={200: TakenAnswer},
    )
    def post(self, request: TenantRequest) -> Response:
        return self.take(request)


def view_of(kind: str) -> type[OneMessage]:
    """The view of the address that takes messages of one kind."""
    made = type(f"{kind.title()}Message", (OneMessage,), {"kind": kind, "__doc__": SAYS[kind]})
    described = extend_schema_view(
        post=extend_schema(operation_id=f"track_{kind}", examples=[shown(kind), SUCCESS])
    )
    return described(made)
