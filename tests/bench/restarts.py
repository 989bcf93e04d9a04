"""`make prove-restarts`: kill the training process, its worker and the whole product, at random.

Runs the real product in a folder of its own, trains on all demo data, kills each of the three
`KILLS` times at random moments with SIGKILL, and then asks: did the job finish, once, and does
the audit log verify? Ends with one JSON object. Takes as long as one training and its restarts.
QUICK=1: a small shop with a tiny base instead of the demo, and each is killed once.
"""

import argparse
import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from launcher import manage
from launcher.places import Places
from launcher.ports import RANGES, any_free, known_ports
from tests import shop

ROOT = Path(__file__).parents[2]
TARGETS = ("engine", "gpu worker", "everything")
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
# The same again where nothing is trained: the worker for it is what takes longest to load.
LEAN = BARE.replace(
    "steps=tuple(steps))",
    "steps=tuple(steps), serving=tuple(p for p in made.serving if p.name != 'worker-gpu'))",
)
# Some seconds of training behind a start that takes as long, kept once a second.
SMALL = {**shop.QUICK, "batch_size": 32, "finetune_epochs": 10}
SAVE_EVERY = "1"
POLL = 0.1  # seconds between two looks


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


def wait_for(product: Product, states: tuple[str, ...], seconds: float) -> dict[str, Any]:
    """The job's state once it is one of `states`; SystemExit when it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = product.state()
        if found["state"] in states:
            return found
        time.sleep(POLL)
    raise SystemExit(f"the job was not {states} within {seconds:.0f} s: {found}")


def kill(product: Product, target: str) -> bool:
    """SIGKILL to the target, or to the supervisor for everything, once there is one to kill.

    False when the job ended first.
    """
    while not (pids := product.pids(target)):
        if product.state()["state"] not in ("running", "queued"):
            return False
        time.sleep(POLL)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    if target == "everything":
        product.process.wait()
        time.sleep(1)
        product.start()
    return True


def main() -> None:
    quick = bool(os.environ.get("QUICK"))
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=1 if quick else 3)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--port", type=int, default=any_free())
    options = parser.parse_args()
    chance = random.Random(options.seed)
    plan = [target for target in TARGETS for _ in range(options.kills)]
    chance.shuffle(plan)
    counts = dict.fromkeys(TARGETS, 0)
    with tempfile.TemporaryDirectory(prefix="attune-restarts-") as folder:
        product = small(Path(folder), options.port) if quick else demo(Path(folder), options.port)
        try:
            wait_for(product, ("running",), 600)
            for target in plan:
                time.sleep(chance.uniform(*((0.5, 2.5) if quick else (5, 45))))
                state = product.state()
                if state["state"] not in ("running", "queued"):
                    break
                counts[target] += kill(product, target)
                print(f"killed {target} at {state['fraction']}", flush=True)
            ended = wait_for(product, ("succeeded", "failed"), 1800)
            verified = product.ask("verify")
            print(verified["said"], flush=True)
        finally:
            product.end()
    result = {
        "killed_engine": counts["engine"],
        "killed_gpu_worker": counts["gpu worker"],
        "killed_everything": counts["everything"],
        "state": ended["state"],
        "versions": ended["versions"],
        "snapshots": ended["snapshots"],
        "audit_verifies": verified["holds"],
        "seed": options.seed,
    }
    print(json.dumps(result))
    if ended["state"] != "succeeded" or ended["versions"] != 1 or not verified["holds"]:
        raise SystemExit(1)


def demo(folder: Path, port: int) -> Product:
    """The product, started, whose demo tenant trains by itself."""
    product = Product(folder / "var", port)
    product.start()
    return product


def small(folder: Path, port: int) -> Product:
    """The product, started, and a small shop in it whose training was ordered."""
    base = shop.tiny_base_model(folder / "base")
    os.environ |= {"BASE_MODELS": base, "ATTUNE_SAVE_EVERY": SAVE_EVERY}
    product = Product(folder / "var", port, BARE)
    product.start(meanwhile=product.listen)
    try:
        product.ask("order", SMALL)
    except SystemExit:
        product.end()
        raise
    return product


if __name__ == "__main__":
    main()
