"""The embedded Redis: writes its configuration and says how to run it. Holds only kicks (the rows
are the truth), so a broken log of it may be set aside."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

import redis

from launcher.ports import HOST
from launcher.process import Process
from launcher.wheels import redis_server

BROKEN_LOG = "reading the append only file"  # in what Redis says of a log that it cannot load


@dataclass(frozen=True)
class Server:
    """A data folder, the port on 127.0.0.1 and the password of its only user."""

    data: Path
    port: int
    password: str


def prepare(server: Server) -> Process:
    """The process that serves. The password stands in a 0600 file, not in the argument list that
    every user of the machine can read."""
    server.data.mkdir(mode=0o700, exist_ok=True)
    settings = {
        "bind": HOST,
        "port": str(server.port),
        "requirepass": server.password,
        "dir": str(server.data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",  # a kill may cut the last command
        "save": "",
    }
    configuration = server.data / "redis.conf"
    configuration.touch(mode=0o600)
    lines = [f"{name} {_quoted(value)}\n" for name, value in settings.items()]
    configuration.write_text("".join(lines))
    return Process(
        name="redis",
        argv=(str(redis_server()), str(configuration)),
        env={},
        service=True,
        orphan_signal=Signals.SIGTERM,  # writes what it holds and leaves at once
    )


def url(server: Server) -> str:
    return f"redis://:{server.password}@{HOST}:{server.port}/0"


def answers(redis_url: str) -> Callable[[], bool]:
    """A question: does the broker answer a ping now?"""

    def ask() -> bool:
        try:
            with redis.Redis.from_url(redis_url, socket_timeout=3) as client:
                client.ping()
        except redis.RedisError:
            return False
        return True

    return ask


def set_log_aside(server: Server) -> Path:
    """Moves the append-only log away, over the one set aside before; where it is now."""
    aside = server.data / "appendonly.aof.broken"
    return (server.data / "appendonly.aof").replace(aside)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
