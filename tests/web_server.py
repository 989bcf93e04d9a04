"""The web server as it ships, on the test's database: the launcher's own command line, two
processes. For tests about what Django's test client cannot show.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from signal import SIGKILL, Signals
from subprocess import Popen
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from launcher.places import ROOT
from launcher.ports import HOST, any_free
from launcher.process import Process, signal_whole, spawn
from launcher.table import product
from tests.doors import Reply

PATIENCE = 60.0  # seconds until it answers; generous, so that a slow machine fails nothing


@dataclass(frozen=True)
class WebServer:
    """A running server; `log` is what it and its processes wrote."""

    port: int
    server: Popen[bytes]
    log: Path

    def ask(self, path: str, key: str = "", headers: Mapping[str, str] | None = None) -> Reply:
        """GET on a connection of its own."""
        line = HTTPConnection(HOST, self.port, timeout=10)
        carried = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            line.request("GET", path, headers={**carried, **(headers or {})})
            answer = line.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            line.close()

    def connect(self, seconds: float = 20) -> socket.socket:
        return socket.create_connection((HOST, self.port), timeout=seconds)

    def say(self, words: bytes, seconds: float = 20) -> bytes:
        """Everything that comes back for these bytes until the server closes the connection."""
        with self.connect(seconds) as line:
            with suppress(ConnectionError):  # it may close before it has read everything
                line.sendall(words)
            said = b""
            with suppress(ConnectionError):
                while part := line.recv(65536):
                    said += part
            return said

    def workers(self) -> set[int]:
        """The process ids of those that answer."""
        return children(self.server.pid)

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()


def children(pid: int) -> set[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(word) for path in found for word in path.read_text().split()}


@contextmanager
def served(
    folder: Path, *, wait: bool = True, port: int = 0, **environ: str
) -> Iterator[WebServer]:
    """The shop's web server, without the owner's URL; `environ` adds to what it starts with.

    With `wait` every process of it serves already. `port`: any free one unless it is named.
    """
    process = _web(port or any_free(), environ)
    log = folder / "web.log"
    with log.open("wb") as file:
        server = spawn(process, env=process.env, cwd=ROOT, log=file)
    made = WebServer(int(process.argv[process.argv.index("--port") + 1]), server, log)
    try:
        if wait:
            until(lambda: server.poll() is not None or ready(made), "an answer")
            assert server.poll() is None, log.read_text()
        yield made
        stop(made)
    finally:
        signal_whole(process, server.pid, SIGKILL)
        server.wait()


def stop(made: WebServer, kind: Signals = Signals.SIGTERM) -> int:
    """Its exit status; it gets the grace that the launcher gives it."""
    made.server.send_signal(kind)
    return made.server.wait(timeout=10.0)


def until(true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.05)


def ready(made: WebServer) -> bool:
    return made.log.read_text().count("Started worker") == 2 and answers(made)


def answers(made: WebServer) -> bool:
    try:
        return made.ask("/healthz").status == 200
    except OSError:
        return False


def _web(port: int, environ: Mapping[str, str]) -> Process:
    url = urlsplit(os.environ["DATABASE_URL"])
    database = connection.settings_dict["NAME"]
    assert database.startswith("test_")
    env = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"},
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{database}")),
        **environ,
    }
    plan = product(port=port, var=Path(env["ATTUNE_VAR"]), env=env, setup_env=env)
    return next(process for process in plan.serving if process.name == "web")
