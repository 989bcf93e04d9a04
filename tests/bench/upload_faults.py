"""`make bench-upload-faults`: every bad input that must be survived, and what its sender is told.

The real product in a folder of its own, without the demo and without the worker that trains, which
have no part in this, and a driver beside it (`upload_faults_driver.py`) in a worker's environment.
Ends with the driver's one JSON object. QUICK=1: the same inputs, smaller ones, and short outages.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from launcher.ports import any_free
from tests.bench.restarts import ROOT, Product

# `make up` in a folder of its own.
START = """
import sys; from dataclasses import replace; from pathlib import Path
from launcher.places import Places; from launcher.table import product; from launcher.up import main
def plan(**how):
    made = product(**how)
    serving = tuple(one for one in made.serving if one.name != "worker-gpu")
    steps = (replace(step, argv=(*step.argv, "--without-demo")) for step in made.steps)
    return replace(made, steps=tuple(steps), serving=serving)
sys.exit(main(Places(Path(sys.argv[1])), plan))
"""
DRIVER = (sys.executable, "-m", "tests.bench.upload_faults_driver")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="attune-faults-") as folder:
        product = Product(Path(folder) / "var", any_free(), START)
        product.start()
        try:
            told = {"FAULTS_SUPERVISOR": str(product.process.pid)}
            return subprocess.run(
                DRIVER, cwd=ROOT, env={**os.environ, **product.environment(), **told}
            ).returncode
        finally:
            product.end()


if __name__ == "__main__":
    # What was stopped or mounted is set right again also when somebody ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
