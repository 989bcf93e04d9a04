"""`make prove-restarts`: kill the training process, its worker and the whole product, at random.

Runs the real product in a folder of its own, trains on all demo data, kills each of the three
`KILLS` times at random moments with SIGKILL, and then asks: did the job finish, once, and does
the audit log verify? Ends with one JSON object. Takes as long as one training and its restarts.
QUICK=1: a small shop with a tiny base instead of the demo, and each is killed once.
"""

import argparse
import json
import os
import random
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from launcher.ports import any_free
from tests import shop
from tests.bench.product import BARE, Product

TARGETS = ("engine", "gpu worker", "everything")
# Some seconds of training behind a start that takes as long, kept once a second.
SMALL = {**shop.QUICK, "batch_size": 32, "finetune_epochs": 10}
SAVE_EVERY = "1"
POLL = 0.1  # seconds between two looks


def wait_for(product: Product, states: tuple[str, ...], seconds: float) -> dict[str, Any]:
    """The job's state once it is one of `states`; SystemExit when it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = product.state()
        if found["state"] in states:
            return found
        time.sleep(POLL)
    raise SystemExit(f"the job was not {states} within {seconds:.0f} s: {found}")


def begun(product: Product) -> None:
    """Until the engine trains: loading takes it as long, and the first kill is to meet more."""
    while (found := product.state())["state"] == "running" and not found["fraction"]:
        time.sleep(POLL)


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
    chance, start = random.Random(options.seed), time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - start:6.1f} s  {what}", flush=True)

    plan = [target for target in TARGETS for _ in range(options.kills)]
    chance.shuffle(plan)
    counts = dict.fromkeys(TARGETS, 0)
    with tempfile.TemporaryDirectory(prefix="attune-restarts-") as folder:
        product = small(Path(folder), options.port) if quick else demo(Path(folder), options.port)
        try:
            wait_for(product, ("running",), 600)
            say("the job runs")
            if quick:
                begun(product)
            for target in plan:
                time.sleep(chance.uniform(*((0.5, 2.5) if quick else (5, 45))))
                state = product.state()
                if state["state"] not in ("running", "queued"):
                    break
                counts[target] += kill(product, target)
                say(f"killed {target} at {state['fraction']}")
            ended = wait_for(product, ("succeeded", "failed"), 1800)
            say(f"the job has {ended['state']}")
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
