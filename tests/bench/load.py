"""A load generator in a process of its own: `python tests/bench/load.py`, an order in JSON on
standard input, then a line to begin; one line of JSON comes back.

Open loop: requests are due by a Poisson process with a fixed seed, and a latency counts from the
moment a request was due, sent or not (no coordinated omission). Closed loop: each connection asks
again as soon as it is answered. One thread, raw sockets, bytes made beforehand. Knows no Attune.
"""

import json
import random
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

GRACE = 15.0  # seconds for what is still due or under way when the time is over


@dataclass(frozen=True)
class Order:
    """What to send. `rate` is requests per second, None for a closed loop.

    requests: whole HTTP/1.1 requests, sent in turn.  seconds: how long requests become due.
    keep_all: send what is due even after the time is over; else it is dropped and counted.
    """

    host: str
    port: int
    requests: list[str]
    connections: int
    seconds: float
    rate: float | None = None
    seed: int = 1
    keep_all: bool = True


@dataclass
class Outcome:
    """What happened. `latencies` in seconds, of answers with a status of 200 to 299 alone.

    broken: connections that ended under a request.  unanswered: sent, no answer within the grace.
    dropped: due, never sent.  waited: the longest that a due request waited to be sent, seconds.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    sent: int = 0
    broken: int = 0
    unanswered: int = 0
    dropped: int = 0
    waited: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


class Line:
    """One keep-alive connection; `due` is when the request under way was due.

    It connects when it has something to send: the server gives a thread to a new connection, and
    one that says nothing would hold that thread.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.due = 0.0
        self.buffer = b""
        self.socket: socket.socket | None = None

    def send(self, request: bytes) -> bool:
        """Whether the connection is a new one. The request is far less than a socket holds."""
        new = self.socket is None
        if self.socket is None:
            self.socket = socket.create_connection(self.address, timeout=10)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.setblocking(False)
        self.socket.send(request)
        return new

    def read(self) -> tuple[str, bool] | None:
        """Status and whether the connection ends, once the answer is whole; OSError when broken."""
        assert self.socket
        try:
            part = self.socket.recv(65536)
        except BlockingIOError:
            return None
        if not part:
            raise ConnectionResetError
        self.buffer += part
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        fields = head.lower()
        at = fields.find(b"\r\ncontent-length:")
        length = int(fields[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) < length:
            return None
        self.buffer = b""
        return head[9:12].decode(), b"\r\nconnection: close" in fields


class Load:
    """One run of an order over its connections."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.bodies = [text.encode() for text in order.requests]
        self.outcome = Outcome()
        self.selector = selectors.SelectSelector()  # epoll would round a wait up to milliseconds
        address = (order.host, order.port)
        self.idle = deque(Line(address) for _ in range(order.connections))

    def run(self) -> Outcome:
        begun, cpu = time.perf_counter(), time.process_time()
        self.end = begun + self.order.seconds
        self.arrivals = self._arrivals(begun)
        self.next = next(self.arrivals, None)
        while self._more():
            self._send_due()
            self._receive()
        now = time.perf_counter()
        self.outcome.unanswered = self.order.connections - len(self.idle)
        self.outcome.dropped = sum(1 for _ in self.arrivals) + (self.next is not None)
        self.outcome.seconds = min(now, self.end) - begun
        self.outcome.cpu_seconds = time.process_time() - cpu
        return self.outcome

    def _arrivals(self, begun: float) -> Iterator[float]:
        """When requests are due; a closed loop's are due at once."""
        if self.order.rate is None:
            while time.perf_counter() < self.end:
                yield time.perf_counter()
            return
        chance = random.Random(self.order.seed)
        due = begun + chance.expovariate(self.order.rate)
        while due < self.end:
            yield due
            due += chance.expovariate(self.order.rate)

    def _more(self) -> bool:
        now = time.perf_counter()
        under_way = len(self.idle) < self.order.connections
        return now < self.end + GRACE and (self._to_send(now) or under_way)

    def _to_send(self, now: float) -> bool:
        return self.next is not None and (now < self.end or self.order.keep_all)

    def _send_due(self) -> None:
        now = time.perf_counter()
        if not self._to_send(now):
            return
        while self.next is not None and self.next <= now and self.idle:
            line = self.idle.popleft()
            line.due = self.next
            self.outcome.waited = max(self.outcome.waited, now - line.due)
            body = self.bodies[self.outcome.sent % len(self.bodies)]
            self.outcome.sent += 1
            self.next = next(self.arrivals, None)
            try:
                if line.send(body):
                    self.selector.register(line.socket, selectors.EVENT_READ, line)
            except OSError:
                self._end(line)

    def _receive(self) -> None:
        now = time.perf_counter()
        wait = 0.05
        if self._to_send(now) and self.idle:
            wait = min(wait, max(0.0, self.next - now))
        for key, _ in self.selector.select(wait):
            self._take(key.data)

    def _take(self, line: Line) -> None:
        try:
            answer = line.read()
        except OSError:
            self._end(line)
            return
        if answer is None:
            return
        status, ends = answer
        self.outcome.statuses[status] += 1
        if status.startswith("2"):
            self.outcome.latencies.append(time.perf_counter() - line.due)
        self.idle.append(line)
        if ends:
            self._close(line)

    def _end(self, line: Line) -> None:
        """A connection that ended: an error when a request was under way on it."""
        self._close(line)
        if line not in self.idle:
            self.outcome.broken += 1
            self.idle.append(line)

    def _close(self, line: Line) -> None:
        if line.socket is not None:
            if line.socket in self.selector.get_map():
                self.selector.unregister(line.socket)
            line.socket.close()
        line.socket, line.buffer = None, b""


class Generator:
    """The other side: an order under way in a process of its own."""

    def __init__(self, order: Order) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._tell(json.dumps(asdict(order)))
        assert self.process.stdout and self.process.stdout.readline() == "ready\n"

    def begin(self) -> Self:
        self._tell("go")
        return self

    def outcome(self) -> Outcome:
        """Waits for the end."""
        out, _ = self.process.communicate(timeout=600)
        told: dict[str, Any] = json.loads(out)
        return Outcome(**{**told, "statuses": Counter(told["statuses"])})

    def _tell(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


def main() -> None:
    load = Load(Order(**json.loads(sys.stdin.readline())))
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(vars(load.run())))


if __name__ == "__main__":
    main()
