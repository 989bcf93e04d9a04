"""What the shipped web server bears of a request before Django sees it, and what it never does."""

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import production
import pytest
from django.conf import settings

from launcher.ports import HOST
from tests.web_server import WebServer, served

SILENT = 40  # more than its two processes have threads


@pytest.fixture(scope="module")
def server(django_db_setup, tmp_path_factory) -> Iterator[WebServer]:
    with served(tmp_path_factory.mktemp("web")) as made:
        yield made


def request(first: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    head = b"".join(line + b"\r\n" for line in (first, b"Host: localhost", *headers))
    return head + b"\r\n" + body


def get(path: bytes, *headers: bytes) -> bytes:
    return request(b"GET " + path + b" HTTP/1.1", *headers, b"Connection: close")


@pytest.mark.parametrize(
    "words",
    [
        get(b"/" + b"a" * 70_000),
        get(b"/healthz?" + b"a" * 140_000),
        get(b"/healthz", b"Long: " + b"a" * 140_000),
        get(b"/healthz", *(b"Name%d: a" % number for number in range(101))),
    ],
    ids=["path", "query", "header", "headers"],
)
def test_an_over_long_head_is_refused_and_the_connection_closed(server, words):
    said = server.say(words)
    assert said.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert said.endswith(b"\r\n\r\n")  # no body: nothing of what came is repeated
    assert server.ask("/healthz").status == 200


@pytest.mark.parametrize(
    "words",
    [
        b"\x16\x03\x01\x00\xa5 hello\r\n\r\n",
        get(b"/healthz", b"Name : a"),
        get(b"/healthz", b"Name: a", b" folded"),
        get(b"/healthz", b"Content-Length: 1", b"Content-Length: 2"),
        get(b"/healthz", b"Content-Length: +1"),
        get(b"/healthz", b"Transfer-Encoding: gzip"),
    ],
    ids=["TLS", "blank", "folded", "two lengths", "signed length", "coding"],
)
def test_what_could_be_read_in_two_ways_is_refused(server, words):
    assert server.say(words).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_length_beside_chunks_counts_for_nothing_and_ends_the_connection(server):
    both = (b"Content-Length: 3", b"Transfer-Encoding: chunked")
    smuggled = get(b"/smuggled")
    said = server.say(request(b"POST /v1/consents HTTP/1.1", *both, body=b"0\r\n\r\n" + smuggled))
    assert said.startswith(b"HTTP/1.1 411 ")
    assert said.count(b"HTTP/1.1 ") == 1
    assert "/smuggled" not in server.log.read_text()


def test_silent_connections_hold_no_answer_up_and_are_closed(server):
    silent = [server.connect() for _ in range(SILENT)]
    for number, line in enumerate(silent):
        line.sendall(b"GET /healthz HTTP/1.1\r\nHo"[: number % 20])  # from nothing to half a head
    begun = time.monotonic()
    assert [server.ask("/healthz").status for _ in range(10)] == [200] * 10
    assert time.monotonic() - begun < 5
    assert [line.recv(100) for line in silent] == [b""] * SILENT
    assert 5 < time.monotonic() - begun < 15
    for line in silent:
        line.close()


def test_a_connection_is_kept_for_the_next_request(server):
    line = HTTPConnection(HOST, server.port, timeout=10)
    for _ in range(3):
        line.request("GET", "/healthz")
        socket = line.sock
        assert line.getresponse().read() == b"ok"
        assert line.sock is socket is not None
    line.close()


def test_head_is_answered_without_a_body(server):
    said = server.say(request(b"HEAD /healthz HTTP/1.1", b"Connection: close"))
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-length: 2" in head.lower()
    assert body == b""


@pytest.mark.parametrize(
    "header, code",
    [
        (b"Content-Length: %d" % (settings.BODY_LIMIT + 1), "body_too_large"),
        (b"Transfer-Encoding: chunked", "length_required"),
    ],
)
@pytest.mark.parametrize("expect", [b"Expect: 100-continue", b"Accept: */*"])
def test_a_body_that_the_door_refuses_is_never_taken_for_a_request(server, header, code, expect):
    said = server.say(
        request(b"POST /v1/consents HTTP/1.1", header, expect, body=get(b"/smuggled"))
    )
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 " if code == "body_too_large" else b"HTTP/1.1 411 ")
    assert json.loads(body)["error"]["code"] == code
    assert "/smuggled" not in server.log.read_text()


def test_who_waits_to_be_asked_for_the_body_is_asked(server, committed):
    alice = committed("Alice")
    body = b'{"user_id": "u1", "purpose": "analytics", "event": "withdrawn"}'
    words = (
        b"Content-Type: application/json", b"Content-Length: %d" % len(body),
        b"Authorization: Bearer " + alice.key.encode(), b"Expect: 100-continue",
        b"Connection: close",
    )  # fmt: skip
    with server.connect() as line:
        line.sendall(request(b"POST /v1/consents HTTP/1.1", *words))
        assert line.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(body)
        assert line.recv(1000).startswith(b"HTTP/1.1 201 ")


def test_a_body_that_nobody_asked_for_is_not_waited_for(server):
    """An unknown key is refused before a byte of its body came: such senders hold no thread."""
    words = (b"Content-Length: 1000", b"Content-Type: application/json", b"Authorization: Bearer x")
    lines = [server.connect() for _ in range(SILENT)]
    for line in lines:
        line.sendall(request(b"POST /v1/consents HTTP/1.1", *words, body=b"{"))
    assert [line.recv(1000)[:13] for line in lines] == [b"HTTP/1.1 401 "] * SILENT
    for line in lines:
        line.close()


def in_production(**environ: str) -> dict[str, str]:
    """Production as an operator sets it, but on the test's services."""
    made = production.environment(ALLOWED_HOSTS=HOST, **environ)
    return {name: made[name] for name in made if not name.endswith("_URL")}


def seen_as_secure(server: WebServer, *headers: str) -> bool:
    """The API refuses plain HTTP before it looks at the key."""
    named = dict.fromkeys(headers, "https")
    return {401: True, 403: False}[server.ask("/v1/usage", "unknown", named).status]


def test_without_a_trusted_proxy_no_header_says_that_a_request_came_by_tls(
    django_db_setup, tmp_path
):
    with served(tmp_path, **in_production()) as server:
        assert not seen_as_secure(server)
        assert not seen_as_secure(server, "X-Forwarded-Proto")
        assert not seen_as_secure(server, "X_Forwarded_Proto")


def test_behind_a_trusted_proxy_its_header_says_so(django_db_setup, tmp_path):
    with served(tmp_path, **in_production(TRUSTED_PROXY="yes")) as server:
        assert not seen_as_secure(server)
        assert seen_as_secure(server, "X-Forwarded-Proto")
        # The web server reads both names as one and hands on which it was to nobody, so a proxy
        # has to drop the second: docs/security.md says so, and how to try it. Where this fails,
        # the web server has learnt to, and the page can say less.
        assert seen_as_secure(server, "X_Forwarded_Proto")
