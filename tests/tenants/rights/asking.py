"""What the tests of rights requests share: the real API, and a worker."""

import io
import json
import zipfile
from typing import Any

from django.test import Client

from tenants.ids import parse_id
from tenants.rights.exports import download_export
from tenants.rights.models import RightsRequest
from tenants.work.run import run_waiting


def send(business, path: str = "", status: int = 200, **body: Any) -> dict[str, Any]:
    """POST to `/v1/rights_requests` or below it."""
    reply = Client().post(
        f"/v1/rights_requests{path}", body, content_type="application/json",
        headers=business.headers,
    )  # fmt: skip
    assert reply.status_code == status, reply.content
    return reply.json()


def refused(business, path: str = "", status: int = 409, **body: Any) -> str:
    """The code with which the API refuses it."""
    return send(business, path, status, **body)["error"]["code"]


def get(business, path: str = "", **query: Any) -> dict[str, Any]:
    reply = Client().get(f"/v1/rights_requests{path}", query, headers=business.headers)
    assert reply.status_code == 200, reply.content
    return reply.json()


def taken(business, kind: str, user_id: str = "u1", **more: Any) -> str:
    """The id of a new request."""
    return send(business, status=201, user_id=user_id, kind=kind, **more)["id"]


def verified(business, kind: str, user_id: str = "u1", **more: Any) -> str:
    """The id of a new request of somebody who has been identified."""
    request_id = taken(business, kind, user_id, **{"evidence": {"kind": "signed_in"}, **more})
    send(business, f"/{request_id}/verify")
    return request_id


def row(business, request_id: str) -> RightsRequest:
    with business.scope:
        return RightsRequest.objects.get(pk=parse_id("rights request", request_id))


def exported(business, user_id: str, kind: str = "access") -> dict[str, bytes]:
    """The files of an export that a worker has made for this person."""
    request_id = verified(business, kind, user_id)
    run_waiting("default")
    with business.scope:
        _, content = download_export(
            request_id=parse_id("rights request", request_id), actor=business.actor
        )
        plain = b"".join(content)
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows(content: dict[str, bytes], table: str) -> list[dict[str, Any]]:
    """The JSON lines of one table of an export."""
    return [json.loads(line) for line in content[f"jsonl/{table}.jsonl"].splitlines()]
