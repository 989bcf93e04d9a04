"""The one form in which the API tells of an error, wherever it arises: view, door or no view."""

import sys
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.views import defaults
from redis import RedisError
from rest_framework import exceptions
from rest_framework.response import Response

from tenants.access.middleware import request_id_of
from tenants.errors import AppError, NoRoom, NotFound, TooLarge, Unavailable, is_full

API = "/v1/"


def error_body(error: AppError, request_id: str, *, flat: bool) -> dict[str, Any]:
    """The body of every answer from 400 upwards.

    `flat`: code and message also stand where the libraries of a foreign protocol look for them.
    """
    return {
        **({"code": error.code, "message": error.message} if flat else {}),
        "error": {
            "type": error.type,
            "code": error.code,
            "message": _sendable(error.message),
            "param": _sendable(error.param) if error.param else error.param,
            "request_id": request_id,
        },
    }


def _sendable(text: str) -> str:
    """The text as UTF-8 can hold it: an error may repeat half a character that was sent."""
    return text.encode(errors="replace").decode()


def is_flat(path: str) -> bool:
    """Whether errors under this address are told so."""
    return path in settings.FLAT_ERRORS


def error_headers(error: AppError) -> dict[str, str]:
    """What a client may act on without reading the body."""
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after + 0.5)))
    return headers


def answer_error(raised: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: word the error our way."""
    error = _as_app_error(raised)
    if error is None:
        return None  # a bug: Django logs it and answers 500
    request = context["request"]._request
    body = error_body(error, request_id_of(request), flat=is_flat(request.path))
    return Response(body, error.status, headers=error_headers(error))


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
    if isinstance(raised, RequestDataTooBig):
        return TooLarge("body_too_large", "The body is too large. Send less at once.")
    if isinstance(raised, SuspiciousOperation):
        return AppError("bad_request", "The request has more parts or fields than it may.")
    if is_full(raised):
        return NoRoom()
    if isinstance(raised, OperationalError | InterfaceError | RedisError):
        return Unavailable()
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


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: what no view could make sense of."""
    if not request.path.startswith(API):
        return defaults.bad_request(request, exception)
    return answer_outside(request, AppError("bad_request", "The request cannot be read."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404: no such address."""
    if not request.path.startswith(API):
        return defaults.page_not_found(request, exception)
    return answer_outside(request, NotFound("address"))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: a fault of ours, logged under the request's id; or something that we
    stand on is away, which is none."""
    raised = sys.exception()
    away = _as_app_error(raised) if isinstance(raised, Exception) else None
    if isinstance(away, Unavailable | NoRoom):
        return _away(request, away)
    if not request.path.startswith(API):
        return defaults.server_error(request)
    error = AppError(
        "internal_error",
        "Something broke on our side. Try again; if it stays, report the request_id.",
    )
    error.status, error.type = 500, "api_error"
    return answer_outside(request, error)


def _away(request: HttpRequest, error: Unavailable | NoRoom) -> HttpResponse:
    """The answer for programs, or a page, with the time after which to try again."""
    if request.path.startswith(API):
        return answer_outside(request, error)
    page = loader.get_template("503.html").render()
    return HttpResponse(page, status=error.status, headers=error_headers(error))


def answer_outside(request: HttpRequest, error: AppError) -> JsonResponse:
    """The error as an answer, where no view of DRF's can give it."""
    body = error_body(error, request_id_of(request), flat=is_flat(request.path))
    return JsonResponse(body, status=error.status, headers=error_headers(error))
