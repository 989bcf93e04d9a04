"""Sending files in parts over the API, for the tests about it."""

import hashlib

from django.test import Client

from tenants.audit.models import AuditEntry
from tenants.isolation.vault import PIECE
from tests.tenants.behaviour.uploads import EVENTS_HEAD

# Rows of 50 kB make a file of some MiB that is processed in a moment.
ROWS = 60
FILE = (
    f"{EVENTS_HEAD},note\n"
    + "".join(
        f"u1,i{n},view,2026-03-{1 + n % 28:02d}T10:00:00Z,{'x' * 50_000}\n" for n in range(ROWS)
    )
).encode()
SHA256 = hashlib.sha256(FILE).hexdigest()


def asked(business, method: str, path: str, body: object = None, key: str = ""):
    client = Client()
    headers = {"Authorization": f"Bearer {key or business.key}"}
    how = {} if body is None else {"data": body, "content_type": "application/json"}
    return getattr(client, method)(path, headers=headers, **how)


def begun(business, size: int = len(FILE), kind: str = "events", **more: object) -> str:
    body = {"kind": kind, "name": "mine.csv", "bytes": size, **more}
    reply = asked(business, "post", "/v1/uploads", body)
    assert reply.status_code == 201, reply.json()
    assert (reply.json()["status"], reply.json()["bytes_received"]) == ("receiving", 0)
    return reply.json()["id"]


def put(business, upload: str, offset: int, part: bytes, key: str = "", **headers: str):
    return Client().put(
        f"/v1/uploads/{upload}/parts/{offset}", part, content_type="application/octet-stream",
        headers={"Authorization": f"Bearer {key or business.key}", **headers},
    )  # fmt: skip


def complete(business, upload: str, sha256: str = SHA256, key: str = ""):
    return asked(business, "post", f"/v1/uploads/{upload}/complete", {"sha256": sha256}, key)


def send_all(business, upload: str, content: bytes = FILE, step: int = PIECE) -> None:
    for offset in range(0, len(content), step):
        assert put(business, upload, offset, content[offset : offset + step]).status_code == 200


def code(reply) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


def told(business, action: str) -> list[dict[str, object]]:
    with business.scope:
        entries = AuditEntry.objects.filter(action=action).order_by("seq")
        return [entry.detail.get().details for entry in entries]
