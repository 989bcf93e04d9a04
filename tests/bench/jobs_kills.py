"""What `make prove-jobs` kills, in which order, and how it is found. Knows no database."""

import json
import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

# What is killed -> the launcher's name of it; engines are found by their command line.
TARGETS = {
    "engine": "",
    "gpu worker": "worker-gpu",
    "default worker": "worker-default",
    "redis": "redis",
    "postgres": "postgres",
}
# Checkpoints of a training loop, below the folder of a job.
KEPT = ("checkpoint/sequence.*", "checkpoint/finetune.*")
LATER = 4.0  # seconds at most, at random, from when a kill is due until it is tried


@dataclass
class Killer:
    """Strikes as the work goes on. `plan`: (share of the jobs that have ended, target), rising.

    Every target stands in the plan before one stands there twice; what is left over is drawn at
    random, the engine as often as all others together, for it is what jobs are made of. Every
    second engine dies only once it has kept something of its training, so that some go on from it.
    """

    plan: list[tuple[float, str]]
    chance: random.Random
    killed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TARGETS, 0))
    due: float | None = None

    def look(self, ended: float) -> None:
        """Strike if it is time; `ended`: share of the jobs that have ended."""
        if not self.plan or ended < self.plan[0][0]:
            return
        now = time.monotonic()
        if self.due is None:
            self.due = now + self.chance.uniform(0.0, LATER)
        if now >= self.due and self._strike(self.plan[0][1]):
            self.plan.pop(0)
            self.due = None

    def _strike(self, target: str) -> bool:
        """Whether there was one to kill; else the next look tries again."""
        kept = target == "engine" and self.killed[target] % 2 == 1
        if not any(end(pid) for pid in found(target) if not kept or has_kept(pid)):
            return False
        self.killed[target] += 1
        print(f"killed: {target}{' that had kept something' if kept else ''}", flush=True)
        return True


def planned(chance: random.Random, kills: int, jobs: int, slots: int) -> list[tuple[float, str]]:
    """The plan of a `Killer`: so many kills, all of them before the last of the jobs begins, of
    which so many run at once."""
    last = 0.85 * max(jobs - slots, 0) / jobs
    deck = list(TARGETS)
    chance.shuffle(deck)
    others = [*TARGETS, *["engine"] * (len(TARGETS) - 2)]
    deck = [*deck, *(chance.choice(others) for _ in range(kills - len(deck)))][:kills]
    if "engine" not in deck and deck:
        deck[0] = "engine"
    chance.shuffle(deck)
    return list(zip(sorted(chance.uniform(0.0, last) for _ in deck), deck, strict=True))


def found(target: str) -> list[int]:
    """Process ids of a target of this product that are there at the moment."""
    if target == "engine":
        return list(engines())
    record = Path(os.environ["ATTUNE_VAR"]) / "run" / f"{TARGETS[target]}.pid"
    try:
        return [int(json.loads(record.read_text())["pid"])]
    except (OSError, ValueError):
        return []  # it is starting


def engines() -> dict[int, Path]:
    """The engines of this product by their process id, with the folders they run in."""
    var, running = Path(os.environ["ATTUNE_VAR"]), {}
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except (OSError, ValueError):
            continue
        if words[1:3] == ["-m", "training.engine.run"] and Path(words[3]).is_relative_to(var):
            running[int(entry.name)] = Path(words[3])
    return running


def has_kept(pid: int) -> bool:
    """Whether this engine's training has left a checkpoint."""
    folder = engines().get(pid)
    return folder is not None and any(any(folder.glob(pattern)) for pattern in KEPT)


def end(pid: int) -> bool:
    """SIGKILL; False when it was gone before."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
