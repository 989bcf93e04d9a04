"""Requests through the WSGI door, as a server would pass them on."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.core.signals import request_finished, request_started
from django.db import close_old_connections


@dataclass(frozen=True)
class Reply:
    """Status, headers by lower-case name, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    application: Callable[..., Any],
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Reply:
    """One request; `path` may carry a query."""
    place, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": place,
        "QUERY_STRING": query,
        "wsgi.input": io.BytesIO(body),
        "HTTP_HOST": "testserver",
        "REMOTE_ADDR": "127.0.0.1",
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in (headers or {}).items():
        word = name.upper().replace("-", "_")
        environ[word if word in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{word}"] = value
    setup_testing_defaults(environ)
    started: list[Any] = []

    def start_response(status: str, given: list[tuple[str, str]], *more: Any) -> None:
        started[:] = [int(status.split()[0]), {name.lower(): value for name, value in given}]

    # A server's request ends by closing old connections; a test's transaction must live on.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        chunks = application(environ, start_response)
        content = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
    return Reply(started[0], started[1], content)
