"""Every answer and every log line carries the request's id."""

import logging
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from tenants.ids import encode, uuid7

# Where the door leaves the id that it gave a request.
REQUEST_ID = "attune.request_id"
_request_id: ContextVar[str] = ContextVar("request_id", default="-")


def new_request_id() -> str:
    return f"req_{encode(uuid7().int)}"


def request_id_of(request: HttpRequest) -> str:
    """The id that the middleware gave this request."""
    return str(getattr(request, "request_id", ""))


class RequestIdMiddleware:
    """Makes an id per request; a caller cannot choose it, so that the log can be trusted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request.META.get(REQUEST_ID) or new_request_id()
        request.request_id = request_id  # type: ignore[attr-defined]
        token = _request_id.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            _request_id.reset(token)
        response["X-Request-Id"] = request_id
        return response


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to log records that do not say it.

    Django writes its line about a refused request when the middleware is done with it already,
    but hands the request along.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        said = getattr(record, "request_id", None) or getattr(request, "request_id", None)
        record.request_id = said or _request_id.get()
        return True
