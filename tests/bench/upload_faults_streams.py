"""A client that streams events all the time, and sends again whatever was not acknowledged.

Each event bears a moment of its own, by which it is found in the database afterwards.
"""

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from django.db import connection

from tenants.behaviour.models import Event
from tests.bench.stage import wait_until_landed
from tests.bench.upload_faults_api import Api, Broken
from tests.bench.upload_faults_files import PEOPLE

EVENTS = 20  # of one request
STEP = timedelta(milliseconds=1)
# A polite client waits as long as it is told; this one comes sooner, so that more is asked of us.
SOONEST = 0.3


class Stream:
    """Sends to one address inside the block. `answers`: statuses and how often each came."""

    def __init__(self, business: Any, path: str, begun: datetime) -> None:
        self.business, self.path, self.begun = business, path, begun
        self.answers: Counter[str] = Counter()
        self.acknowledged: set[datetime] = set()
        self.refusal = ""
        self._api, self._done, self._next = Api(business.key), threading.Event(), 0
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def wait_for_more(self, requests: int = 5, seconds: float = 90.0) -> None:
        """Until so many more were acknowledged."""
        wanted, deadline = len(self.acknowledged) + requests * EVENTS, time.monotonic() + seconds
        while len(self.acknowledged) < wanted:
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.path} acknowledges nothing any more: {self.answers}")
            time.sleep(0.02)

    def _send(self) -> None:
        while not self._done.is_set():
            moments = [self.begun + STEP * (self._next + n) for n in range(EVENTS)]
            self._next += EVENTS
            body = self._body(moments)
            while not self._is_taken(body):  # also when the block has ended
                time.sleep(SOONEST)
            self.acknowledged.update(moments)
            time.sleep(0.02)

    def _is_taken(self, body: dict[str, Any]) -> bool:
        try:
            answer = self._api.tell(self.path, body)
        except Broken:
            self.answers["no answer"] += 1
            return False
        self.answers[str(answer.status)] += 1
        if answer.status == 503:
            self.refusal = str(answer.body["error"]["message"])
        told = answer.body.get("accepted", EVENTS) + answer.body.get("duplicate", 0)
        return answer.status < 300 and told == EVENTS

    def _body(self, moments: list[datetime]) -> dict[str, Any]:
        if self.path == "/v1/events":
            return {"events": [self._event(at) for at in moments]}
        return {"batch": [self._message(at) for at in moments]}

    def _event(self, at: datetime) -> dict[str, Any]:
        number = (at - self.begun) // STEP
        return {
            "user_id": f"u{number % PEOPLE}", "item_id": f"i{number % 50}", "type": "view",
            "occurred_at": at.isoformat(), "event_id": f"{self.path}{at.isoformat()}",
        }  # fmt: skip

    def _message(self, at: datetime) -> dict[str, Any]:
        number = (at - self.begun) // STEP
        return {
            "type": "track", "event": "Product Viewed", "userId": f"u{number % PEOPLE}",
            "messageId": f"{self.path}{at.isoformat()}", "timestamp": at.isoformat(),
            "properties": {"product_id": f"i{number % 50}"},
        }  # fmt: skip

    def lost_and_twice(self) -> tuple[int, int]:
        """Acknowledged events that are not stored, and events that are stored more than once."""
        last = self.begun + STEP * self._next
        connection.close_if_unusable_or_obsolete()
        wait_until_landed(self.business)
        with self.business.scope:
            found = Event.objects.filter(occurred_at__gte=self.begun, occurred_at__lt=last)
            here = Counter(found.values_list("occurred_at", flat=True))
        connection.close()
        return len(self.acknowledged - here.keys()), sum(count - 1 for count in here.values())


def began(days: int) -> datetime:
    """A moment so long ago; streams begin days apart."""
    return (datetime.now(UTC) - timedelta(days=days)).replace(microsecond=0)
