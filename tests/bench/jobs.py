"""`make prove-jobs`: many small jobs of several tenants while whatever runs them is killed.

Starts the real product in a folder of its own, without the demo, and a driver beside it
(`jobs_driver.py`) in a worker's environment. Ends with the driver's one JSON object.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.restarts import ROOT, Product

# `make up` in a folder of its own, with everything but the demo tenant.
START = """
import sys; from pathlib import Path
from dataclasses import replace
from launcher.places import Places; from launcher.table import product; from launcher.up import main
def plain(**how):
    plan = product(**how)
    return replace(plan, steps=tuple(step for step in plan.steps if step.name != "demo"))
sys.exit(main(Places(Path(sys.argv[1])), plain))
"""


def main() -> int:
    quick = bool(os.environ.get("QUICK"))
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenants", type=int, default=2 if quick else 5)
    parser.add_argument("--jobs", type=int, default=1 if quick else 6, help="of each tenant")
    parser.add_argument("--cancels", type=int, default=0 if quick else 5)
    parser.add_argument("--kills", type=int, default=1 if quick else 12)
    parser.add_argument("--seconds", type=float, default=90 if quick else 1500, help="at most")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--port", type=int, default=8766)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attune-jobs-") as folder:
        base = Path(folder) / "base"
        make = (
            "import sys; from pathlib import Path; from tests import shop;"
            "shop.tiny_base_model(Path(sys.argv[1]))"
        )
        subprocess.run([sys.executable, "-c", make, str(base)], cwd=ROOT, check=True)
        os.environ["BASE_MODELS"] = str(base)
        product = Product(Path(folder) / "var", options.port, START)
        product.start()
        try:
            words = [f"--{name}={value}" for name, value in vars(options).items() if name != "port"]
            driver = [sys.executable, "-m", "tests.bench.jobs_driver", *words]
            return subprocess.run(driver, cwd=ROOT, env=product.environment()).returncode
        finally:
            product.stop()


if __name__ == "__main__":
    sys.exit(main())
