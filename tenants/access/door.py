"""The WSGI door: what can be refused before Django is woken is refused here, cheaply.

A body that is too large, a key whose limit is reached, a tenant that holds all its places. Whether
a key is valid is not asked here: the door knows only keys that a view has found valid before.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.conf import settings

from tenants.access.bearer import key_in
from tenants.access.errors import API, error_body, error_headers, is_flat
from tenants.access.middleware import REQUEST_ID, new_request_id
from tenants.access.origins import READABLE
from tenants.access.places import Places
from tenants.access.rates import Caller, Rates, Verdict
from tenants.access.right_of_way import RIGHT_OF_WAY, GivingWay
from tenants.access.turns import TURNS
from tenants.errors import AppError, TooLarge, TooMany

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
# Where the verdict of a key that the door knew waits for its view.
VERDICT = "attune.verdict"
# Where the id of a key that the door knew waits for the line in the log.
KEY = "attune.key"
PHRASES = {
    411: "Length Required",
    413: "Content Too Large",
    429: "Too Many Requests",
    503: "Service Unavailable",
}
# A refusal says nothing of anybody, and a browser must be able to read when to come back.
SAME_HEADERS = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    *READABLE.items(),
)
ID_HERE = "req_here"
AT_ONCE_RETRY = 1.0  # seconds
MORE_BODIES = 2


class Door:
    """Wraps the application. One per process; safe with threads."""

    def __init__(self, application: Application, rates: Rates, places: Places) -> None:
        self._application = application
        self._rates = rates
        self._places = places

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ[REQUEST_ID] = new_request_id()
        oversized = body_fault(environ)
        if oversized:
            return refuse(environ, start_response, oversized)
        digest = digest_of(environ)
        caller = self._rates.known(digest) if digest else None
        if digest is None or caller is None:
            return self._application(environ, start_response)
        return self._admit(digest, caller, environ, start_response)

    def _admit(
        self, digest: bytes, caller: Caller, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        environ[KEY] = caller.key_id
        refused = self._rates.refusal(digest, caller)
        if refused:
            return refuse(environ, start_response, too_many(refused), refused)
        place, loud = place_of(caller, environ), self._rates.is_loud(caller)
        # Who waits holds a thread, and who asks too much has enough others to take a free place.
        if not self._places.begin(place, patiently=not loud):
            self._rates.note_refused(caller, loud=place.lane == caller.lane)
            return refuse(environ, start_response, too_many_at_once(place))
        try:
            # From here on: while a request waits for Redis, who has to give way stops already.
            with _way(environ, loud) as way:
                verdict = self._rates.take(digest, caller)
                if not verdict.admitted:
                    return refuse(environ, start_response, too_many(verdict), verdict)
                environ[VERDICT] = verdict
                with TURNS.turn_of(caller.tenant_id, way):
                    return self._application(environ, start_response)
        finally:
            self._places.end(place)


@contextmanager
def _way(environ: Environ, loud: bool) -> Iterator[GivingWay | None]:
    """The request's right of way, or what makes it give way; a body is waited for by nobody."""
    if has_body(environ):
        yield None
    elif loud:
        with RIGHT_OF_WAY.given() as way:
            yield way
    else:
        with RIGHT_OF_WAY.taken():
            yield None


def has_body(environ: Environ) -> bool:
    """Whether a body is waited for; one on a question is nothing that anybody reads."""
    if environ["REQUEST_METHOD"] in ("GET", "HEAD", "OPTIONS"):
        return False
    return environ.get("CONTENT_LENGTH") not in (None, "", "0")


def place_of(caller: Caller, environ: Environ) -> Caller:
    """Whose places the request takes. Bodies have places of their own, and more of them: a slow
    upload is mostly waited for, and must not keep its tenant's answers waiting.
    """
    if not has_body(environ):
        return caller
    return replace(caller, lane=f"{caller.lane} bodies", at_once=caller.at_once + MORE_BODIES)


def body_fault(environ: Environ) -> AppError | None:
    """Why the body is not even read: longer than its address takes, or of no stated length."""
    if environ.get("HTTP_TRANSFER_ENCODING"):
        error = AppError("length_required", "Send the body with its Content-Length, not chunked.")
        error.status = 411
        return error
    length = environ.get("CONTENT_LENGTH") or "0"
    limit = body_limit(environ["PATH_INFO"])
    if not length.isdigit() or int(length) <= limit:
        return None  # Django answers a length that is no number
    return TooLarge(
        "body_too_large", f"This address takes up to {limit:,} bytes at once. Send less."
    )


def body_limit(path: str) -> int:
    """The most bytes that a body at this address may have."""
    if re.fullmatch(settings.PART_PATHS, path):
        return int(settings.PART_LIMIT_BYTES)
    return int(settings.BODY_LIMITS.get(path, settings.BODY_LIMIT))


def digest_of(environ: Environ) -> bytes | None:
    """The hash of the API key that the request carries, None where it carries none."""
    if not environ["PATH_INFO"].startswith(API):
        return None
    text = key_in(environ.get("HTTP_AUTHORIZATION", ""))
    return hashlib.sha256(text.encode("latin-1", "replace")).digest() if text else None


def too_many(verdict: Verdict) -> TooMany:
    """The refusal of a request above the rate."""
    bucket = verdict.bucket
    return TooMany(
        "rate_limited",
        f"This {bucket.of} may send {bucket.rate:g} requests per second. Wait for Retry-After.",
        retry_after=verdict.wait,
    )


def too_many_at_once(caller: Caller) -> TooMany:
    """The refusal of a request while the tenant's others hold all its places."""
    return TooMany(
        "too_many_at_once",
        f"Up to {caller.at_once} requests of this tenant are answered at once. Send fewer.",
        retry_after=AT_ONCE_RETRY,
    )


def refuse(
    environ: Environ,
    start_response: Callable[..., Any],
    error: AppError,
    verdict: Verdict | None = None,
) -> Iterable[bytes]:
    """Answer with an error of ours, without Django, to a request that came through the door."""
    request_id = environ[REQUEST_ID]
    body = _body(error.type, error.code, error.message, error.status, is_flat(environ["PATH_INFO"]))
    body = body.replace(ID_HERE, request_id)
    headers = [
        ("Content-Length", str(len(body))),
        ("X-Request-Id", request_id),
        *SAME_HEADERS,
        *error_headers(error).items(),
        *(verdict.headers().items() if verdict else ()),
    ]
    start_response(f"{error.status} {PHRASES[error.status]}", headers)
    return [body.encode()]


@lru_cache(maxsize=1000)
def _body(kind: str, code: str, message: str, status: int, flat: bool) -> str:
    """The body of a refusal with ID_HERE for the request's id: floods of one text are refused."""
    error = AppError(code, message)
    error.type, error.status = kind, status
    return json.dumps(error_body(error, ID_HERE, flat=flat))
