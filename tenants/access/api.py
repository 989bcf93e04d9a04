"""The bases of every API view: key -> tenant scope -> limit -> right, and one form of error.

A view translates between HTTP and one service or query; it decides nothing itself.
"""

from contextlib import ExitStack
from typing import Any, ClassVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.access.bearer import key_actor, key_invalid, token_of
from tenants.access.denials import DENIALS, denial_details
from tenants.access.door import VERDICT, too_many
from tenants.access.errors import answer_outside
from tenants.access.idempotency import Kept, Replayed, once, remember
from tenants.access.origins import check_origin, let_read, preflight
from tenants.access.rates import RATES, caller_of
from tenants.access.rights import Right
from tenants.accounts.queries import FoundKey, find_key, key_scope
from tenants.accounts.tokens import PUBLIC, Token
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import Denied, Unauthenticated, Unavailable
from tenants.isolation.scope import tenant_scope

WRITES = ("POST", "PUT", "PATCH", "DELETE")


class TenantRequest(Request):
    """What a view may rely on once `TenantAPIView.initial` has run."""

    actor: Actor
    key: FoundKey
    tenant_id: UUID


class KeyAPIView(APIView):
    """A view for API keys. `rights` names the right of each method; a missing one is a 405.

    HEAD is GET without its body, so it needs the right of GET. Only `public_methods` are open to
    public keys, and only their views may be called from a browser's page.
    """

    rights: ClassVar[dict[str, Right]] = {}
    public_methods: ClassVar[frozenset[str]] = frozenset()
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "OPTIONS" and self.public_methods:
            return preflight(self.public_methods)
        self._refused: tuple[FoundKey, str, Right] | None = None
        response = self.answer(request, *args, **kwargs)
        if self._refused:
            record_denial(request, *self._refused)
        return response

    def answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The answer itself; a denial is recorded once whatever this opened is closed."""
        return super().dispatch(request, *args, **kwargs)

    def right_of(self, request: Request) -> Right:
        """The right of the method; MethodNotAllowed when the view has none such."""
        right = self.rights.get("GET" if request.method == "HEAD" else str(request.method))
        if right is None:
            raise exceptions.MethodNotAllowed(str(request.method))
        return right

    def unknown(self, token: Token) -> Unauthenticated:
        """The refusal of a key that is not valid; one that was known is forgotten."""
        RATES.unlearn(token.hash)
        return key_invalid()

    def admit(self, request: Request, token: Token, key: FoundKey, right: Right) -> None:
        """The limit, then what the key may do; TooMany or Denied."""
        caller = caller_of(key)
        RATES.learn(token.hash, caller)
        if VERDICT not in request.META:  # the door did not know this key yet
            request.META[VERDICT] = RATES.take(token.hash, caller)
            if not request.META[VERDICT].admitted:
                raise too_many(request.META[VERDICT])
        if key.kind == PUBLIC:
            self._check_public(request, key, right)
        self.require(right, key)

    def require(self, right: Right, key: FoundKey) -> None:
        """Denied when the key lacks the right; the denial is recorded once all is rolled back."""
        if right.value not in key.scopes:
            self._deny(
                key,
                right,
                Denied(
                    "scope_missing",
                    f"This key lacks the scope {right.value}. Use a key that has it.",
                    params={"scope": right.value},
                ),
            )

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        verdict = request.META.get(VERDICT)
        for name, value in verdict.headers().items() if verdict else ():
            response[name] = value
        if self.public_methods:
            let_read(response)
        return response  # type: ignore[no-any-return]

    def _check_public(self, request: Request, key: FoundKey, right: Right) -> None:
        if request.method not in self.public_methods:
            refusal = Denied(
                "public_key",
                "A public key may only send events. Use a secret or restricted key, "
                "and never in a browser.",
            )
            self._deny(key, right, refusal)
        try:
            check_origin(key, request._request)
        except Denied as refusal:
            self._deny(key, right, refusal)

    def _deny(self, key: FoundKey, right: Right, refusal: Denied) -> None:
        self._refused = (key, refusal.code, right)
        raise refusal


class TenantAPIView(KeyAPIView):
    """A view inside the scope of its key's tenant, one transaction long.

    A write with an `Idempotency-Key` happens once, however often it is sent.
    """

    def answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self._scoped = False
        self._kept: Kept | None = None
        try:
            with ExitStack() as self._scopes:
                return super().answer(request, *args, **kwargs)
        except (OperationalError, InterfaceError):  # lost at the very end: nothing was stored
            return answer_outside(request, Unavailable())

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Find the key and enter its tenant's scope, ask the limit, check the right."""
        super().initial(request, *args, **kwargs)
        token = self.token(request)
        unreadable = self._read_body(request, token) if request.method in WRITES else None
        self._scope = self._scopes.enter_context(ExitStack())
        key = self._scope.enter_context(key_scope(token))
        if key is None:
            raise self.unknown(token)
        self._scoped = True
        request.key, request.tenant_id = key, key.tenant_id
        request.actor = key_actor(key, request)
        self.admit(request, token, key, self.right_of(request))
        if unreadable:
            raise unreadable
        if request.method in WRITES:
            self._kept = once(request)

    def token(self, request: Request) -> Token:
        """The key that the request carries; Unauthenticated without one."""
        return token_of(request)

    @property
    def answers_once(self) -> bool:
        """Whether the answer is kept for an `Idempotency-Key`, in the transaction of the change."""
        return self._kept is not None

    def leave_scope(self) -> None:
        """Commit what the scope has done so far and leave it, for a change that has its own."""
        self._scoped = False
        self._scope.close()

    def _read_body(self, request: Any, token: Token) -> exceptions.APIException | None:
        """Before the scope opens, and only for a key that is valid or was a moment ago: a slow
        sender must hold no transaction, and a stranger no place on the disk. What is wrong with it
        is told later, to those who may send it; whether the key is valid now, the scope asks.
        """
        if RATES.known(token.hash) is None and find_key(token) is None:
            raise self.unknown(token)
        try:
            _ = request.data
        except exceptions.APIException as error:
            return error
        return None

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        if self._kept and response.status_code < 400:
            remember(self._kept, response)
        return super().finalize_response(request, response, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        """An answered error leaves nothing behind: DRF turns it into a response, so roll back."""
        if isinstance(exc, Replayed):
            return exc.response
        self._kept = None
        if self._scoped:
            transaction.set_rollback(True)
        return super().handle_exception(exc)


def record_denial(request: HttpRequest, key: FoundKey, reason: str, right: Right) -> None:
    """In a scope of its own, after the refused request has rolled back: a denial must persist."""
    route = request.resolver_match.route if request.resolver_match else ""
    times = DENIALS.times(str(key.id), reason, route, request.method or "")
    if not times:
        return
    with tenant_scope(key.tenant_id):
        record(
            AuditEvent.ACCESS_DENIED,
            actor=key_actor(key, request),
            object_id=route,
            outcome="denied",
            reason=reason,
            details=denial_details(request, times, right=right.value),
        )
