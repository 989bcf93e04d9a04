"""The base of every API view: key -> tenant scope -> right, and one form of error.

A view translates between HTTP and one service or query; it decides nothing itself.
"""

from contextlib import ExitStack
from typing import Any, ClassVar
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.access.middleware import request_id_of
from tenants.access.rights import Right
from tenants.accounts.queries import FoundKey, find_key
from tenants.accounts.tokens import Token, parse_token
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError, Denied, Unauthenticated
from tenants.ids import public_id
from tenants.isolation.scope import tenant_scope


class TenantRequest(Request):
    """What a view may rely on once `TenantAPIView.initial` has run."""

    actor: Actor
    key: FoundKey
    tenant_id: UUID


class TenantAPIView(APIView):
    """A view for API keys. `rights` names the right of each method; a missing one is a 405.

    HEAD is GET without its body, so it needs the right of GET.
    """

    rights: ClassVar[dict[str, Right]] = {}
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self._refused: tuple[FoundKey, Right] | None = None
        self._scoped = False
        with ExitStack() as self._scopes:
            response = super().dispatch(request, *args, **kwargs)
        if self._refused:
            record_denial(request, *self._refused)
        return response

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Find the key, enter its tenant's scope, check the right of this method."""
        super().initial(request, *args, **kwargs)
        key = key_of(request)
        request.key, request.tenant_id = key, key.tenant_id
        request.actor = key_actor(key, request)
        right = self.rights.get("GET" if request.method == "HEAD" else request.method)
        if right is None:
            raise exceptions.MethodNotAllowed(request.method)
        self._scopes.enter_context(tenant_scope(key.tenant_id))
        self._scoped = True
        self.require(right, key)

    def handle_exception(self, exc: Exception) -> Response:
        """An answered error leaves nothing behind: DRF turns it into a response, so roll back."""
        if self._scoped:
            transaction.set_rollback(True)
        return super().handle_exception(exc)

    def require(self, right: Right, key: FoundKey) -> None:
        """Denied when the key lacks the right; the denial is recorded once all is rolled back."""
        if right.value not in key.scopes:
            self._refused = (key, right)
            raise Denied(
                "scope_missing",
                f"This key lacks the scope {right.value}. Use a key that has it.",
                params={"scope": right.value},
            )


def record_denial(request: HttpRequest, key: FoundKey, right: Right) -> None:
    """In a scope of its own, after the refused request has rolled back: a denial must persist."""
    with tenant_scope(key.tenant_id):
        record(
            AuditEvent.ACCESS_DENIED,
            actor=key_actor(key, request),
            object_id=request.resolver_match.route if request.resolver_match else "",
            outcome="denied",
            reason="scope_missing",
            details={"right": right.value, "method": request.method or ""},
        )


def token_of(request: HttpRequest | Request) -> Token:
    """The key in the Authorization header, well formed; Unauthenticated without one."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise Unauthenticated(
            "key_missing", "Send your API key in the header: Authorization: Bearer ak_…"
        )
    token = parse_token(text.strip())
    if token is None:
        raise key_invalid()
    return token


def key_invalid() -> Unauthenticated:
    """One answer for a key that is malformed, unknown, revoked, expired or of a resting tenant."""
    return Unauthenticated("key_invalid", "This API key is unknown, revoked or expired.")


def key_of(request: HttpRequest | Request) -> FoundKey:
    """The valid key behind the request; Unauthenticated without one."""
    key = find_key(token_of(request))
    if key is None:
        raise key_invalid()
    return key


def key_actor(key: FoundKey, request: HttpRequest | Request) -> Actor:
    """The actor that a key stands for in the audit log."""
    return Actor(
        type="key",
        ref=public_id("key", key.id),
        auth="bearer",
        request_id=request_id_of(getattr(request, "_request", request)),
    )


def error_body(error: AppError, request_id: str) -> dict[str, Any]:
    """The one form in which the API tells of an error."""
    return {
        "error": {
            "type": error.type,
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "request_id": request_id,
        }
    }


def answer_error(raised: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: word the error our way."""
    error = _as_app_error(raised)
    if error is None:
        return None  # a bug: Django logs it and answers 500
    request = context["request"]
    response = Response(error_body(error, request_id_of(request._request)), status=error.status)
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _as_app_error(raised: Exception) -> AppError | None:
    if isinstance(raised, AppError):
        return raised
    if isinstance(raised, exceptions.ValidationError):
        param, message = _first_fault(raised.detail)
        return AppError("invalid_value", message, param=param)
    if isinstance(raised, exceptions.APIException):
        error = AppError(str(raised.default_code), str(raised.detail))
        error.status = raised.status_code
        return error
    return None


def _first_fault(detail: Any, path: str = "") -> tuple[str | None, str]:
    """The dotted name and the sentence of the first invalid field."""
    if isinstance(detail, dict) and detail:
        name, inner = next(iter(detail.items()))
        step = "" if name == "non_field_errors" else str(name)
        return _first_fault(inner, ".".join(part for part in (path, step) if part))
    if isinstance(detail, list) and detail:
        index = next((i for i, inner in enumerate(detail) if inner), 0)
        nested = isinstance(detail[index], dict | list)
        return _first_fault(detail[index], f"{path}.{index}".strip(".") if nested else path)
    return path or None, str(detail)
