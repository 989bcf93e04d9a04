"""A real run of the launcher as a thing that tests start, ask and kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg

from launcher import kept_secrets, roles
from launcher.leftovers import started

STAND_IN = Path(__file__).with_name("stand_in.py")
# What the run around these tests has set must not reach the runs inside them.
FOREIGN = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "ATTUNE_RUN")
LONG = "a folder with blanks " + "and a long name " * 8


def until(true: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
    """Waits for `true()`; a generous limit, so that a slow machine fails nothing."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.02)


@dataclass
class Run:
    """One `stand_in.py` process, its folder and what it printed."""

    var: Path
    port: int
    prints_to: str = "printed"
    process: subprocess.Popen[str] | None = None

    def start(self, **environ: str) -> Self:
        """Starts it and waits until all of it is up."""
        for name in ("step.json", "note.json", "grandchild"):
            (self.var / name).unlink(missing_ok=True)
        self.launch(**environ)
        until(lambda: "open " in self.printed() or self.ended(), "the address")
        assert not self.ended(), self.printed()
        until(lambda: self.grandchild() > 0, "the worker's child")
        return self

    def launch(self, *, out: int | None = None, **environ: str) -> None:
        """Starts it; it prints to the descriptor `out`, else to where `printed` reads."""
        kept = {name: text for name, text in os.environ.items() if name not in FOREIGN}
        with self._out.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, str(STAND_IN), str(self.var)],
                env={**kept, "ATTUNE_PORT": str(self.port), **environ},
                stdout=file if out is None else out,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def refused(self, **environ: str) -> str:
        """What it printed before it ended with status 1, which is asserted."""
        self.launch(**environ)
        assert self.wait() == 1, self.printed()
        assert "Traceback" not in self.printed()
        return self.printed()

    def printed(self) -> str:
        return self._out.read_text()

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(timeout=60)

    def send(self, kind: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(kind)

    def stop(self, kind: signal.Signals = signal.SIGTERM) -> int:
        self.send(kind)
        return self.wait()

    def pid(self, name: str) -> int:
        """Of a process of the table that runs now."""
        return int(json.loads((self.var / "run" / f"{name}.pid").read_text())["pid"])

    def pids(self) -> dict[str, int]:
        """Of every process of the table, and of the worker's own child."""
        names = [path.stem for path in (self.var / "run").glob("*.pid")]
        return {**{name: self.pid(name) for name in names}, "grandchild": self.grandchild()}

    def guard(self) -> int:
        """The pid of the process that watches the supervisor."""
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError):
                words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
                if b"launcher.guard" in words and str(self.var / "run").encode() in words:
                    return int(entry)
        raise AssertionError("no guard")

    def grandchild(self) -> int:
        path = self.var / "grandchild"
        return int(path.read_text() or 0) if path.exists() else 0

    def noted(self, name: str) -> dict[str, str]:
        """The environment that `step` or `note` was started with."""
        path = self.var / f"{name}.json"
        until(lambda: path.exists() and path.read_text().endswith("}"), str(path))
        noted: dict[str, str] = json.loads(path.read_text())
        return noted

    def admin_url(self) -> str:
        """The embedded server's superuser, whom only the launcher and these tests know."""
        secrets = kept_secrets.load_or_make(self.var / "secrets.json", data=self.var / "postgres")
        port = json.loads((self.var / "ports.json").read_text())["postgres"]
        return roles.url(
            role="postgres", password=secrets.postgres_password, port=port, database="postgres"
        )

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Runs one statement as the embedded server's superuser; its rows, if it has any."""
        with psycopg.connect(self.admin_url(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def query_or_none(self, statement: str) -> list[tuple[object, ...]] | None:
        """The same, None while the server does not answer."""
        try:
            return self.query(statement)
        except psycopg.OperationalError:
            return None

    @property
    def _out(self) -> Path:
        return self.var.with_name(self.prints_to)


def gone(pids: dict[str, int]) -> bool:
    return not any(started(pid) for pid in pids.values())
