"""The whole product in a folder of its own, as `make up` runs it: started, killed, asked, ended."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from launcher import manage
from launcher.places import Places
from launcher.ports import RANGES, known_ports

ROOT = Path(__file__).parents[2]
PATTERNS = {
    "engine": "training.engine.run",
    "gpu worker": "celery -A attune worker -Q gpu",
    "default worker": "celery -A attune worker -Q default",
    "everything": "launcher.up",
    "beat": "celery -A attune beat",
}
# `make up` in a folder other than the project's own.
START = """
import sys; from pathlib import Path
from launcher.places import Places; from launcher.up import main
sys.exit(main(Places(Path(sys.argv[1]))))
"""
# The same without the demo tenant.
BARE = """
import sys; from dataclasses import replace; from pathlib import Path
from launcher.places import Places; from launcher.table import product; from launcher.up import main
def plan(**how):
    made = product(**how)
    steps = (replace(step, argv=(*step.argv, "--without-demo")) for step in made.steps)
    return replace(made, steps=tuple(steps))
sys.exit(main(Places(Path(sys.argv[1])), plan))
"""
# The same again where nothing is trained and nothing streamed: those workers take long to load.
LEAN = BARE.replace(
    "steps=tuple(steps))",
    "steps=tuple(steps), serving=tuple(p for p in made.serving"
    " if p.name not in ('worker-gpu', 'worker-streams')))",
)


def _end_with_us() -> None:
    """However this process ends, the product is told to stop (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Product:
    """One `make up` in a folder of its own."""

    def __init__(self, var: Path, port: int, script: str = START, *words: str) -> None:
        self.var, self.port, self.script, self.words = var, port, script, words
        self.asked: subprocess.Popen[str] | None = None

    def start(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Until it says that it runs; `meanwhile` is called once it has begun to."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.script, str(self.var), *self.words],
            cwd=ROOT,
            env={**os.environ, "ATTUNE_PORT": str(self.port)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_end_with_us,
        )
        meanwhile()
        assert self.process.stdout
        for line in self.process.stdout:
            if "Ctrl-C" in line:
                return
        raise SystemExit("the product did not start")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def end(self) -> None:
        """The workers first and without their time to finish: nothing of theirs is needed."""
        for target in ("gpu worker", "default worker", "beat"):
            for pid in self.pids(target):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.stop()

    def pids(self, target: str) -> list[int]:
        """Processes of this run that match, by the folder in their environment or command."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (pid := int(entry.name)) != os.getpid():
                try:
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    context = (entry / "environ").read_bytes().decode(errors="replace")
                except OSError:
                    continue
                mine = str(self.var) in words or f"ATTUNE_VAR={self.var}" in context
                if PATTERNS[target] in words and mine:
                    found.append(pid)
        return found

    def environment(self) -> dict[str, str]:
        """That of a worker, before there is one; waits while the database has no port yet."""
        places = Places(self.var)
        while not RANGES.keys() <= known_ports(places.ports).keys():
            time.sleep(0.05)
        env = manage.environment(places)
        del env["DATABASE_OWNER_URL"]
        return {**env, "ATTUNE_PORT": str(self.port)}

    def ask(self, question: str, *given: object) -> dict[str, Any]:
        """An answer of the one process beside the product that is asked everything; see
        restarts_asked.py."""
        if self.asked is None:
            self.listen()
        assert self.asked and self.asked.stdin and self.asked.stdout
        print(json.dumps([question, *given]), file=self.asked.stdin, flush=True)
        told = self.asked.stdout.readline()
        if not told:
            raise SystemExit(f"no answer to {question}")
        return dict(json.loads(told))

    def listen(self) -> None:
        """Start that process: it loads the product while the product itself begins."""
        words = [sys.executable, "-m", "tests.bench.restarts_asked"]
        pipe = subprocess.PIPE
        self.asked = subprocess.Popen(
            words, cwd=ROOT, env=self.environment(), stdin=pipe, stdout=pipe, text=True
        )

    def state(self) -> dict[str, Any]:
        """What became of the job; nothing while the database is away."""
        return self.ask("state")
