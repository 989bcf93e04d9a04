"""Public keys in browsers: which page may use one, and what the browser is told (Fetch, CORS).

An allowed origin keeps other people's pages from using a shop's public key. It is no wall against
programs, which write any origin they like; what a public key may do is kept harmless instead.
"""

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse

from tenants.accounts.queries import FoundKey
from tenants.errors import Denied

ALLOWED_HEADERS = "authorization, content-type, idempotency-key"
SHOWN_HEADERS = (
    "x-request-id, retry-after, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
    "x-ratelimit-reset-requests, ratelimit, ratelimit-policy"
)
DAY = "86400"
READABLE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": SHOWN_HEADERS,
}


def check_origin(key: FoundKey, request: HttpRequest) -> None:
    """Denied (`origin_not_allowed`) when the key names origins and the request has another."""
    if key.origins and request.headers.get("Origin", "").lower() not in key.origins:
        raise Denied(
            "origin_not_allowed",
            "This public key is not meant for this page. Add its origin to the key.",
        )


def preflight(methods: Iterable[str]) -> HttpResponse:
    """The answer to a browser that asks before it sends: the same for everybody, tells nothing."""
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Methods"] = ", ".join(sorted(methods))
    response["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
    response["Access-Control-Max-Age"] = DAY
    return response


def let_read(response: HttpResponse) -> None:
    """Let the sending page read the answer, a refusal too. No cookie ever counts here."""
    for name, value in READABLE.items():
        response[name] = value
