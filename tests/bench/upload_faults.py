"""`make bench-upload-faults`: every bad input that must be survived, and what its sender is told.

The real product in a folder of its own, without the demo and without the worker that trains, which
have no part in this, and a driver beside it (`upload_faults_driver.py`) in a worker's environment.
Ends with the driver's one JSON object. QUICK=1: the same inputs, smaller ones, and short outages.
"""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from launcher.ports import any_free
from tests.bench.product import ROOT, Product

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
        product, driver = Product(Path(folder) / "var", any_free(), START), Driver()
        product.start(meanwhile=lambda: driver.start(product))
        try:
            return driver.run()
        finally:
            product.end()


class Driver:
    """The process beside the product: it loads the product while the product itself begins."""

    process: "subprocess.Popen[str]"

    def start(self, product: Product) -> None:
        env = {**product.environment(), "FAULTS_SUPERVISOR": str(product.process.pid)}
        self.process = subprocess.Popen(DRIVER, cwd=ROOT, env=env, stdin=subprocess.PIPE, text=True)

    def run(self) -> int:
        """Let it begin; its exit status."""
        self.process.communicate("begin\n")
        return self.process.returncode


if __name__ == "__main__":
    # What was stopped or mounted is set right again also when somebody ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
