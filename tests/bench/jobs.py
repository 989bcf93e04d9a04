"""`make prove-jobs`: many small jobs of several tenants while whatever runs them is killed.

Starts the real product in a folder of its own, without the demo and with a stand-in for the web
server, which has no part in this, and a driver beside it (`jobs_driver.py`) in a worker's
environment. Ends with the driver's one JSON object. QUICK=1: one job of each of two tenants, both
at once, two kills, one cancel.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from launcher.ports import any_free
from tests import shop
from tests.bench.product import ROOT, Product

# `make up` in a folder of its own, with everything but the demo tenant and the web server.
START = """
import sys; from pathlib import Path
from dataclasses import replace
from launcher.places import Places; from launcher.table import product; from launcher.up import main
STAND_IN = '''
import os; from http.server import BaseHTTPRequestHandler, HTTPServer
class Well(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
HTTPServer(("127.0.0.1", int(os.environ["ATTUNE_PORT"])), Well).serve_forever()
'''
def plain(**how):
    plan = product(**how)
    web = replace(plan.serving[0], argv=(sys.executable, "-c", STAND_IN))
    steps = tuple(replace(step, argv=(*step.argv, "--without-demo")) for step in plan.steps)
    rest = [widened(one) if one.name == "worker-gpu" else one for one in plan.serving[1:]]
    return replace(plan, steps=steps, serving=(web, *rest))
def widened(worker):
    words = list(worker.argv); words[words.index("--concurrency") + 1] = sys.argv[2]
    return replace(worker, argv=tuple(words))
sys.exit(main(Places(Path(sys.argv[1])), plain))
"""
# Seconds between two checkpoints of an engine, so that a job of a few seconds has some.
SAVE_EVERY = "1"


def main() -> int:
    options = asked()
    with tempfile.TemporaryDirectory(prefix="attune-jobs-") as folder:
        base = shop.tiny_base_model(Path(folder) / "base")
        os.environ |= {"BASE_MODELS": base, "ATTUNE_SAVE_EVERY": SAVE_EVERY}
        product = Product(Path(folder) / "var", options.port, START, str(options.slots))
        product.start()
        try:
            environment = product.environment()
            words = [f"--{name}={value}" for name, value in vars(options).items() if name != "port"]
            driver = [sys.executable, "-m", "tests.bench.jobs_driver", *words]
            return subprocess.run(driver, cwd=ROOT, env=environment).returncode
        finally:
            product.end()


def asked() -> argparse.Namespace:
    quick = bool(os.environ.get("QUICK"))
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenants", type=int, default=2 if quick else 5)
    parser.add_argument("--jobs", type=int, default=1 if quick else 18, help="of each tenant")
    parser.add_argument("--cancels", type=int, default=1 if quick else 5)
    parser.add_argument("--kills", type=int, default=2 if quick else 14)
    parser.add_argument("--seconds", type=float, default=90 if quick else 1500, help="at most")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--slots", type=int, default=2 if quick else 1, help="jobs at once")
    parser.add_argument("--port", type=int, default=any_free())
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
