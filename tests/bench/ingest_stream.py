"""Requests of 100 events each to `/v1/batch`, beside a view that only parses the same bodies, in
turns. The bodies are as Segment's own library for Python writes them.

Both are served by one server, as the product ships it. The people consent, every event is new, and
what the answers accepted is counted in the database afterwards. The worker that lands what was
acknowledged runs beside both, as the product ships it: at a lower priority (nice 10), but on the
same processors. What it lands while requests come is counted, and what it has not landed when the
rounds end is waited for and timed. Bodies are made once; each round changes the ids of their
events.
"""

import json
import math
import os
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.bench.load import Generator, Order, Outcome
from tests.bench.stage import HOST, cpu_seconds, landing, served, still_waiting, wait_until_landed

QUICK = bool(os.environ.get("QUICK"))
EVENTS = 100
# As many connections as the web server has threads.
ROUNDS, SECONDS, WARM, CONNECTIONS = (2, 2.0, 0.5, 32) if QUICK else (4, 6.0, 1.0, 32)
# More than can be answered in one turn: none is sent twice.
PREPARED = 900 if QUICK else 3_600
# Stands in the ids of prepared events where each round puts its number.
ROUND = "-round-"
PATHS = ("/v1/batch", "/bench/parse")
PEOPLE, ITEMS = 300, 500


def visitors() -> list[str]:
    """The people of the events; they must have consented."""
    return [f"visitor-{n}" for n in range(PEOPLE)]


def stream(business: Any) -> dict[str, float]:
    """Requests per second of both, the events landed per second, and the slowest in a hundred."""
    from tenants.behaviour.models import Event

    with business.scope:
        before = Event.objects.count()
    prepared = [body(place) for place in range(PREPARED)]
    turns: dict[str, list[Turn]] = {path: [] for path in PATHS}
    with tempfile.TemporaryDirectory(prefix="attune-stream-") as folder:
        log = Path(folder) / "web.log"
        behind = Path(folder) / "worker.log"
        web = served(log, settings="tests.bench.parse_only")
        with web as (port, _), landing(behind) as worker:
            turn = partial(take_turn, port, business, prepared)
            for path in PATHS:
                turn(path, ROUNDS, WARM)  # what the first answers load
            wait_until_landed(business)
            spent = cpu_seconds(worker)
            for number in range(ROUNDS):
                for path in PATHS if number % 2 else reversed(PATHS):
                    turns[path].append(turn(path, number, SECONDS))
            left, ended = still_waiting(business), time.perf_counter()
            print(f"{left} requests wait to be landed", flush=True)
            wait_until_landed(business)
            after, spent = time.perf_counter() - ended, cpu_seconds(worker) - spent
    ours, parsed = turns.values()
    with business.scope:
        stored = Event.objects.count() - before
    answered = sum(one.answered for one in ours)
    print(f"{answered} requests answered, {stored} events stored with those before the rounds")
    if stored < answered * EVENTS:
        raise SystemExit("events that were acknowledged are not there")
    latencies = sorted(each for one in ours for each in one.outcome.latencies)
    return {
        "stream_ratio_to_parse": round(rate(ours) / rate(parsed), 3),
        "stream_events_per_second": round(rate(ours) * EVENTS),
        "stream_landed_per_second": round(
            sum(one.landed for one in ours) * EVENTS / sum(one.seconds for one in ours)
        ),
        "stream_landed_after_seconds": round(after, 1),
        "stream_landing_cpu_seconds": round(spent / (answered * EVENTS) * 100_000, 2),
        "stream_p99_ms": round(latencies[math.ceil(len(latencies) * 0.99) - 1] * 1e3, 1),
    }


@dataclass(frozen=True)
class Turn:
    """What was heard, how many requests were landed meanwhile, and in how many seconds."""

    outcome: Outcome
    landed: int
    seconds: float

    @property
    def answered(self) -> int:
        return self.outcome.statuses["200"]


def take_turn(
    port: int, business: Any, bodies: list[str], path: str, number: int, seconds: float
) -> Turn:
    """One turn in a closed loop; SystemExit when an answer is not what it should be."""
    requests = [request(port, path, business, one, number) for one in bodies]
    order = Order(HOST, port, requests, connections=CONNECTIONS, seconds=seconds)
    generator = Generator(order)
    waited, begun = still_waiting(business), time.perf_counter()
    outcome = generator.begin().outcome()
    took, waits = time.perf_counter() - begun, still_waiting(business)
    if set(outcome.statuses) != {"200"} or outcome.broken or outcome.unanswered:
        raise SystemExit(f"the server does not answer well: {outcome}")
    taken = outcome.statuses["200"] if path == PATHS[0] else 0
    if taken and outcome.sent > len(bodies):
        raise SystemExit(f"{outcome.sent} requests in a turn; prepare more than {len(bodies)}")
    per_second = outcome.statuses["200"] / outcome.seconds
    turn = Turn(outcome, waited + taken - waits, took)
    print(f"{path}: {per_second:.1f} requests per second, {turn.landed} landed", flush=True)
    return turn


def request(port: int, path: str, business: Any, prepared: str, number: int) -> str:
    """A whole HTTP request with a prepared body, whose events are those of this round."""
    told = prepared.replace(ROUND, f"-{number:05d}-")
    return (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {business.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(told)}\r\n\r\n{told}"
    )


def body(place: int) -> str:
    """The same place gives the same people, items and acts."""
    chance, now = Random(place), datetime.now(UTC)
    events = [event(chance, now, f"{place:05d}{ROUND}{n:03d}") for n in range(EVENTS)]
    return json.dumps({"batch": events, "sentAt": now.isoformat()})


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
        "messageId": f"ajs-{chance.getrandbits(64):016x}-{name}",
    }


def rate(turns: list[Turn]) -> float:
    return sum(one.answered for one in turns) / sum(one.outcome.seconds for one in turns)
