"""A new integrator's first hour, against the real web server with two processes."""

import os
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from launcher.places import ROOT
from launcher.ports import HOST, any_free
from tenants.accounts.models import Tenant
from tests.doors import Reply

ENOUGH = 24  # requests on new connections: each process gets some of them


@pytest.fixture
def port(committed, tmp_path) -> Iterator[int]:
    """The shop's web server on the test's database."""
    url = urlsplit(os.environ["DATABASE_URL"])
    database = connection.settings_dict["NAME"]
    assert database.startswith("test_")
    found = any_free()
    env = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"},
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{database}")),
    }
    words = (
        f"-m gunicorn attune.wsgi:application --bind {HOST}:{found} --worker-class gthread "
        "--workers 2 --threads 4 --no-control-socket"
    ).split()
    with (tmp_path / "web.log").open("wb") as log:
        server = Popen([sys.executable, *words], env=env, cwd=ROOT, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not _answers(found):
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        yield found
    finally:
        server.terminate()
        server.wait(20)


def _answers(port: int) -> bool:
    try:
        return call(port, "/healthz", "").status == 200
    except OSError:
        return False


def call(port: int, path: str, key: str) -> Reply:
    """One request on a connection of its own."""
    line = HTTPConnection(HOST, port, timeout=10)
    try:
        line.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = line.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, headers, answer.read())
    finally:
        line.close()


def everywhere(port: int, key: str) -> set[int]:
    return {call(port, "/v1/uploads", key).status for _ in range(ENOUGH)}


def post(client: Any, path: str, form: dict[str, Any]) -> Any:
    reply = client.post(path, form)
    assert reply.status_code == 200, reply.content
    return reply.context


def test_from_a_restricted_key_to_a_revoked_one(committed, port):
    alice = committed("Alice")
    with alice.scope:  # each step asks often, to reach every process
        Tenant.objects.update(granted={"requests_per_second": 500.0, "burst": 500})
    browser = alice.browser()
    form = {"name": "Warehouse", "kind": "restricted", "scopes": ["events:read"]}
    made = post(browser, "/keys/new/", form)
    old = made["secret"]

    refused = call(port, "/v1/usage", old)
    error = refused.json()["error"]
    assert (refused.status, error["code"]) == (403, "scope_missing")
    assert "usage:read" in error["message"]
    assert error["request_id"] == refused.headers["x-request-id"]
    assert everywhere(port, old) == {200}

    rotated = post(browser, f"/keys/{made['key'].public_id}/rotate/", {"overlap": "24"})
    new = rotated["secret"]
    assert everywhere(port, old) == {200}
    assert everywhere(port, new) == {200}

    browser.post(f"/keys/{made['key'].public_id}/revoke/")
    assert everywhere(port, old) == {401}
    assert everywhere(port, new) == {200}
    gone = call(port, "/v1/uploads", old)
    assert gone.json()["error"]["code"] == "key_invalid"
    assert gone.headers["www-authenticate"] == "Bearer"
