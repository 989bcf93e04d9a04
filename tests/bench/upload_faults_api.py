"""A tenant as its own programs see us: requests with its key, and nothing else."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from launcher.ports import HOST

BOUNDARY = "attune-bench-boundary"
PART = 8 << 20
PATIENCE = 90.0 if os.environ.get("QUICK") else 300.0  # seconds until an upload has ended
ENDED = ("done", "failed")
POLL = 0.05  # seconds between two looks at an upload


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def is_fault(self) -> bool:
        """Whether it is a fault of ours: any 5xx but one that says when to come again."""
        return self.status >= 500 and not (self.status == 503 and "retry-after" in self.headers)


class Broken(Exception):
    """The connection ended without an answer."""


class Api:
    """One connection per thread; `faults` are all answers that were faults of ours, of anybody."""

    faults: list[str] = []

    def __init__(self, key: str) -> None:
        self._key, self._own = key, threading.local()

    def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/json"
    ) -> Answer:
        """Broken where the server is away."""
        held: HTTPConnection | None = getattr(self._own, "held", None)
        if held is None:
            held = self._own.held = HTTPConnection(HOST, int(os.environ["ATTUNE_PORT"]), timeout=90)
        was_open = held.sock is not None
        try:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": kind}
            held.request(method, path, body, headers)
            reply = held.getresponse()
            told = reply.read()
        except (OSError, HTTPException) as error:
            held.close()
            if was_open:  # it may have been closed behind the answer before
                return self.ask(method, path, body, kind)
            raise Broken(type(error).__name__) from None
        found = {name.lower(): value for name, value in reply.getheaders()}
        answer = Answer(reply.status, found, json.loads(told or b"{}"))
        if answer.is_fault:
            self.faults.append(f"{method} {path}: {answer.status} {told[:300]!r}")
        return answer

    def tell(self, path: str, body: Any) -> Answer:
        return self.ask("POST", path, json.dumps(body).encode())

    def send(
        self, content: bytes, *, kind: str, name: str, options: Mapping[str, Any] | None = None
    ) -> Answer:
        """A whole file as a form."""
        fields = {"kind": kind, "options": json.dumps(dict(options or {}))}
        parts = [_part(f'name="{field}"', text.encode()) for field, text in fields.items()]
        parts.append(_part(f'name="file"; filename="{name}"', content))
        body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
        return self.ask("POST", "/v1/uploads", body, f"multipart/form-data; boundary={BOUNDARY}")

    def begin(self, size: int, *, kind: str, name: str) -> Answer:
        return self.tell("/v1/uploads", {"kind": kind, "name": name, "bytes": size})

    def put(self, upload: str, offset: int, part: bytes) -> Answer:
        path = f"/v1/uploads/{upload}/parts/{offset}"
        return self.ask("PUT", path, part, "application/octet-stream")

    def complete(self, upload: str, content: bytes) -> Answer:
        told = {"sha256": hashlib.sha256(content).hexdigest()}
        return self.tell(f"/v1/uploads/{upload}/complete", told)

    def look(self, upload: str) -> dict[str, Any]:
        """The upload as it stands; asked again while the server is away."""
        for _ in range(2_400):
            try:
                answer = self.ask("GET", f"/v1/uploads/{upload}")
            except Broken:
                time.sleep(POLL)
                continue
            if answer.status == 200:
                return answer.body
            time.sleep(POLL)
        raise SystemExit(f"{upload} cannot be asked for")

    def ended(self, upload: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The upload once it is done or failed; as it stands when that takes too long."""
        deadline = time.monotonic() + seconds
        while (found := self.look(upload))["status"] not in ENDED:
            if time.monotonic() > deadline:
                break
            time.sleep(POLL)
        return found


def _part(head: str, content: bytes) -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + (
        content + b"\r\n"
    )
