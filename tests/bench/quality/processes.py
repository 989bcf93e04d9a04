"""One contender's process: started, limited by the processor time it uses, and what it took."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.quality.datasets.places import ROOT
from tests.bench.quality.plan import QUICK, limit_of

_RIVALS_PYTHON = ROOT / ".venv-rivals" / "bin" / "python"
_HUNG = 20.0  # times its limit on the clock: then a process waits for nothing that will come


@dataclass(frozen=True)
class Part:
    """One process. libraries: whether it runs in the environment of the rivals' libraries."""

    dataset: str
    contender: str
    seed: int
    libraries: bool


def run_part(part: Part, folder: Path, *, quick: bool) -> str:
    """Why there are no figures, or nothing. Prints what it took beside the plan."""
    name = f"{part.dataset} {part.contender} {part.seed}"
    python = str(_RIVALS_PYTHON) if part.libraries else sys.executable
    order = [python, "-m", "tests.bench.quality.one", part.dataset, part.contender]
    order += [str(part.seed), str(folder)]
    limit = limit_of(part.dataset, part.contender, quick=quick)
    started = time.monotonic()
    used, told = _ended(order, limit)
    planned = f", planned {QUICK[part.dataset][part.contender]:.0f}" if quick else ""
    spent = f"{time.monotonic() - started:.0f} s, {used:.0f} s of processors{planned}"
    print(f"{name}: {spent}", flush=True)
    if told:
        print(f"{name}: no figures; {told}", flush=True)
    return f"{name}: {told.splitlines()[-1]}" if told else ""


def _ended(order: list[str], limit: float) -> tuple[float, str]:
    """The processor seconds of the process, and how it failed, or nothing. It is ended when it has
    used `limit` processor seconds."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BENCH_THREADS")
    words = {**os.environ, **dict.fromkeys(names, "1")}
    with tempfile.TemporaryFile("w+") as errors:
        started = subprocess.Popen(order, cwd=ROOT, stderr=errors, env=words)
        resource.prlimit(started.pid, resource.RLIMIT_CPU, (int(limit), int(limit)))
        watch = threading.Timer(_HUNG * limit, os.kill, (started.pid, signal.SIGKILL))
        watch.start()
        _, status, used = os.wait4(started.pid, 0)
        watch.cancel()
        started.returncode = os.waitstatus_to_exitcode(status)
        seconds = used.ru_utime + used.ru_stime
        if started.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return seconds, f"ended at {seconds:.0f} of {limit:.0f} processor seconds"
        errors.seek(0)
        return seconds, (errors.read()[-1500:] or "?") if started.returncode else ""


def processor_seconds() -> float:
    """What all ended children have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
