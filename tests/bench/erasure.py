"""`make prove-erasure`: a person with a random id of 128 bits, trained on, served, erased: is there
a trace of them in any byte that the product keeps?

The real product in a folder of its own. Every file of that folder is looked through (database with
its write-ahead log, Redis, uploads, artifacts, jobs, exports, logs) for the id in ten forms and for
what the house held of the person: look-up, wrapped key, sealed id, vector, history. First with
planted traces, all of which must be found; then behind the erasure and the steps of
docs/erasure.md; then once more when a backup from before the erasure was restored and started.
Ends with one JSON object. QUICK=1: fewer people; two trainings and three looks take most of it.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from launcher.ports import any_free
from tests import shop
from tests.bench.erasure_disk import Disk
from tests.bench.erasure_scan import Needles, control, forms, occurrences, scan
from tests.bench.product import BARE, LEAN, ROOT, Product

QUICK = bool(os.environ.get("QUICK"))
PEOPLE = 24 if QUICK else 60
VERIFIER = ROOT / "tenants" / "erasure" / "verify_certificate.py"


class Proof:
    """What is known so far, and the product that it is known of."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.known = folder, {}
        self.known |= {"person": secrets.token_hex(16), "people": PEOPLE, "port": any_free()}
        self.disk = Disk(folder / "var")
        self.steps: subprocess.Popen[str] | None = None
        self.begun = time.monotonic()

    def start(self, script: str) -> Product:
        product = Product(self.disk.var, self.known["port"], script)
        product.start(meanwhile=lambda: self.listen(product))
        self.say("the product runs")
        return product

    def listen(self, product: Product) -> None:
        """Start the one process that does all steps, which loads the product while the product
        itself begins, and finds the restarted one where it was."""
        if self.steps is None:
            words, pipe = [sys.executable, "-m", "tests.bench.erasure_steps"], subprocess.PIPE
            self.steps = subprocess.Popen(
                words, cwd=ROOT, env=product.environment(), stdin=pipe, stdout=pipe, text=True
            )

    def step(self, name: str) -> None:
        assert self.steps and self.steps.stdin and self.steps.stdout
        print(json.dumps([name, self.known]), file=self.steps.stdin, flush=True)
        told = self.steps.stdout.readline()
        if not told:
            raise SystemExit(f"{name} failed")
        self.known |= json.loads(told)
        self.say(name)

    def needles(self) -> Needles:
        held = {name: bytes.fromhex(text) for name, text in self.known["held"].items()}
        return {**forms(self.known["person"]), **held}

    def look(self, what: str) -> dict[str, int]:
        found = scan(self.disk.var, self.needles())
        self.say(f"{what}: {sum(found.values())} traces")
        return {f"{part}: {name}": count for (part, name), count in sorted(found.items())}

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.begun:6.1f} s  {text}", flush=True)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="attune-erasure-") as folder:
        proof = Proof(Path(folder))
        base = shop.tiny_base_model(proof.folder / "tiny")
        os.environ["BASE_MODELS"] = proof.known["base"] = base
        product = proof.start(BARE)
        try:
            proof.step("prepare")
            planted = look_at_planted(proof)
            proof.disk.back_up(proof.folder / "backup")
            proof.step("erase")
            proof.step("replace")
            proof.disk.purge()
            left = proof.look("behind the erasure")
        finally:
            product.end()
        proof.disk.restore(proof.folder / "backup")
        product = proof.start(LEAN)
        try:
            proof.step("restored")
            proof.disk.purge()
            back = proof.look("behind the restored backup")
        finally:
            product.end()
        return report(proof, planted, left, back)


def look_at_planted(proof: Proof) -> bool:
    """Whether the look finds every form in a file, the id in a row and in Redis, and what the house
    holds in the database."""
    file, name = proof.disk.var / "planted", f"planted:{proof.known['tenant']}"
    file.write_bytes(control(proof.needles()))
    with proof.disk.redis() as redis:
        redis.set(name, proof.known["person"])
    proof.disk.flush()
    log, begun = proof.disk.redis_log, time.monotonic()
    while not occurrences(log, proof.known["person"].encode()) and time.monotonic() < begun + 5:
        time.sleep(0.05)  # Redis writes once a second
    found = proof.look("planted")
    file.unlink()
    with proof.disk.redis() as redis:
        redis.delete(name)
    with proof.disk.admin() as admin:  # before the backup: it was never the product's
        admin.execute("update jobs_job set metadata = '{}'")
    wanted = {f"planted: {needle}" for needle in proof.needles()}
    wanted |= {"postgres: utf-8", "redis: utf-8"}
    wanted |= {f"postgres: {held}" for held in ("look-up", "wrapped key", "sealed id")}
    for missing in sorted(wanted - found.keys()):
        print(f"NOT FOUND although it is there: {missing}")
    return wanted <= found.keys()


def certificate_verifies(proof: Proof) -> bool:
    """By the verifier alone, with the key that was written down."""
    file = proof.folder / "certificate.json"
    file.write_text(json.dumps(proof.known["certificate"]))
    words = [sys.executable, "-I", str(VERIFIER), str(file), proof.known["public_key"]]
    done = subprocess.run(words, capture_output=True, text=True)
    print(done.stdout.strip())
    return done.returncode == 0


def report(proof: Proof, planted: bool, left: dict[str, int], back: dict[str, int]) -> int:
    for what, found in (("left", left), ("came back", back)):
        for name, count in found.items():
            print(f"{what}: {name}, {count} times")
    known: dict[str, Any] = proof.known
    result = {
        "traces_found": sum(left.values()),
        "versions_tainted": known["versions_tainted"],
        "versions_replaced": known["versions_replaced"],
        "seconds_until_not_served": known["seconds_until_not_served"],
        "restored_backup_traces": sum(back.values()),
        "certificate_verifies": certificate_verifies(proof),
        "planted_traces_all_found": planted,
        "others_served_on": known["others_served_on"],
        "restored_answer": known["restored_answer"],
        "erasure_state": known["state"],
        "seconds": round(time.monotonic() - proof.begun, 1),
    }
    print(json.dumps(result))
    good = (
        planted and result["certificate_verifies"] and result["versions_tainted"] >= 1
        and result["versions_replaced"] >= 1 and result["restored_answer"] == "unknown_user"
        and result["others_served_on"] and result["erasure_state"] == "finished"
        and not left and not back
    )  # fmt: skip
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
