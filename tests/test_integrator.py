"""A new integrator's first hour, against the real web server with two processes."""

from collections.abc import Iterator
from typing import Any

import pytest

from tenants.accounts.models import Tenant
from tests.web_server import WebServer, served

ENOUGH = 24  # requests on new connections: each process gets some of them


@pytest.fixture
def server(committed, tmp_path) -> Iterator[WebServer]:
    with served(tmp_path) as made:
        yield made


def everywhere(server: WebServer, key: str) -> set[int]:
    return {server.ask("/v1/uploads", key).status for _ in range(ENOUGH)}


def post(client: Any, path: str, form: dict[str, Any]) -> Any:
    reply = client.post(path, form)
    assert reply.status_code == 200, reply.content
    return reply.context


def test_from_a_restricted_key_to_a_revoked_one(committed, server):
    alice = committed("Alice")
    with alice.scope:  # each step asks often, to reach every process
        Tenant.objects.update(granted={"requests_per_second": 500.0, "burst": 500})
    browser = alice.browser()
    form = {"name": "Warehouse", "kind": "restricted", "scopes": ["events:read"]}
    made = post(browser, "/keys/new/", form)
    old = made["secret"]

    refused = server.ask("/v1/usage", old)
    error = refused.json()["error"]
    assert (refused.status, error["code"]) == (403, "scope_missing")
    assert "usage:read" in error["message"]
    assert error["request_id"] == refused.headers["x-request-id"]
    assert everywhere(server, old) == {200}

    rotated = post(browser, f"/keys/{made['key'].public_id}/rotate/", {"overlap": "24"})
    new = rotated["secret"]
    assert everywhere(server, old) == {200}
    assert everywhere(server, new) == {200}

    browser.post(f"/keys/{made['key'].public_id}/revoke/")
    assert everywhere(server, old) == {401}
    assert everywhere(server, new) == {200}
    gone = server.ask("/v1/uploads", old)
    assert gone.json()["error"]["code"] == "key_invalid"
    assert gone.headers["www-authenticate"] == "Bearer"
