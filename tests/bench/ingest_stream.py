"""Requests of 100 events each to `/v1/batch`, beside a view that only parses the same bodies, in
turns. The bodies are as Segment's own library for Python writes them.

Both are served by one server, as the product ships it. The people consent, every event is new, and
what the answers accepted is counted in the database afterwards. The worker that lands what was
acknowledged runs beside both, as the product ships it: at a lower priority (nice 10), but on the
same processors. What it has not landed when the rounds end is waited for and timed.
"""

import json
import math
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.bench.load import Generator, Order, Outcome
from tests.bench.stage import HOST, landing, served, still_waiting, wait_until_landed

QUICK = bool(os.environ.get("QUICK"))
EVENTS = 100
# As many connections as the web server has threads.
ROUNDS, SECONDS, CONNECTIONS = (2, 2.0, 32) if QUICK else (4, 6.0, 32)
# More than can be answered in one turn: none is sent twice.
PREPARED = 900 if QUICK else 3_600
PEOPLE, ITEMS = 300, 500


def visitors() -> list[str]:
    """The people of the events; they must have consented."""
    return [f"visitor-{n}" for n in range(PEOPLE)]


def stream(business: Any) -> dict[str, float]:
    """Requests per second of both, the events stored per second, and the slowest in a hundred."""
    from tenants.behaviour.models import Event

    with business.scope:
        before = Event.objects.count()
    heard: dict[str, list[Outcome]] = {"/v1/batch": [], "/bench/parse": []}
    with tempfile.TemporaryDirectory(prefix="attune-stream-") as folder:
        log = Path(folder) / "web.log"
        behind = Path(folder) / "worker.log"
        with served(log, settings="tests.bench.parse_only") as (port, _), landing(behind):
            for path in heard:
                ask(port, path, business, -1, 1.0)  # what the first answers load
            wait_until_landed(business)
            begun = time.perf_counter()
            for number in range(ROUNDS):
                for path in heard if number % 2 else reversed(heard):
                    heard[path].append(ask(port, path, business, number, SECONDS))
            ended = time.perf_counter()
            print(f"{still_waiting(business)} requests wait to be landed", flush=True)
            wait_until_landed(business)
            landed = time.perf_counter()
    ours, parsed = heard.values()
    with business.scope:
        stored = Event.objects.count() - before
    answered = sum(one.statuses["200"] for one in ours)
    print(f"{answered} requests answered, {stored} events stored with those before the rounds")
    landed_rate = answered * EVENTS / (landed - begun)
    if stored < answered * EVENTS:
        raise SystemExit("events that were acknowledged are not there")
    latencies = sorted(each for one in ours for each in one.latencies)
    return {
        "stream_ratio_to_parse": round(rate(ours) / rate(parsed), 3),
        "stream_events_per_second": round(rate(ours) * EVENTS),
        "stream_landed_per_second": round(landed_rate),
        "stream_landed_after_seconds": round(landed - ended, 1),
        "stream_p99_ms": round(latencies[math.ceil(len(latencies) * 0.99) - 1] * 1e3, 1),
    }


def ask(port: int, path: str, business: Any, number: int, seconds: float) -> Outcome:
    """One turn in a closed loop; SystemExit when an answer is not what it should be."""
    requests = [request(port, path, business, number, place) for place in range(PREPARED)]
    order = Order(HOST, port, requests, connections=CONNECTIONS, seconds=seconds)
    outcome = Generator(order).begin().outcome()
    if set(outcome.statuses) != {"200"} or outcome.broken or outcome.unanswered:
        raise SystemExit(f"the server does not answer well: {outcome}")
    if path.startswith("/v1") and outcome.sent > PREPARED:
        raise SystemExit(f"{outcome.sent} requests in a turn; prepare more than {PREPARED}")
    per_second = outcome.statuses["200"] / outcome.seconds
    print(f"{path}: {per_second:.1f} requests per second", flush=True)
    return outcome


def request(port: int, path: str, business: Any, number: int, place: int) -> str:
    """A whole HTTP request; the same number and place give the same."""
    chance = Random(f"{number} {place}")
    now = datetime.now(UTC)
    events = [event(chance, now, f"{number}-{place}-{n}") for n in range(EVENTS)]
    body = json.dumps({"batch": events, "sentAt": now.isoformat()})
    return (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {business.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


def event(chance: Random, now: datetime, name: str) -> dict[str, Any]:
    """An act such as a shop's page tells of it; one in ten goes into the basket."""
    at = now - timedelta(seconds=chance.randrange(3600))
    item: dict[str, Any] = {"product_id": f"item-{int(ITEMS * chance.random() ** 3)}"}
    added = chance.random() < 0.1
    if added:
        item |= {"price": chance.randrange(100, 5000) / 100, "quantity": 1}
    return {
        "integrations": {},
        "anonymousId": None,
        "properties": item,
        "timestamp": at.isoformat(timespec="milliseconds"),
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
        "userId": f"visitor-{chance.randrange(PEOPLE)}",
        "type": "track",
        "event": "Product Added" if added else "Product Viewed",
        "messageId": str(uuid5(NAMESPACE_URL, f"stream-{name}")),
    }


def rate(turns: list[Outcome]) -> float:
    return sum(one.statuses["200"] for one in turns) / sum(one.seconds for one in turns)
