"""`make prove-tracking`: Segment's own client libraries against us, and the web server killed.

segment-analytics-python from PyPI and @segment/analytics-node from npm, both as they come and with
nothing set but the host, send their events at the same time; half way the web server is killed with
SIGKILL and started again. Ends with one JSON object; fails unless every event arrived once.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any

from launcher.places import ROOT
from launcher.ports import HOST, any_free
from launcher.process import signal_whole, spawn
from tests.bench.stage import (
    landing,
    on_stage,
    wait_until_healthy,
    wait_until_landed,
    web_process,
)

CLIENTS = Path(__file__).parent / "tracking_clients"
NODE_PACKAGE = "@segment/analytics-node@3.1.0"
PEOPLE = 100
PATIENCE = 240.0  # seconds for one client


class Shop:
    """A tenant whose people consented, behind a web server that can be killed."""

    def __init__(self, folder: Path) -> None:
        from django.core.management import call_command

        from tests.business import make_business
        from tests.tenants.behaviour.uploads import agree

        call_command("migrate", database="owner", interactive=False, verbosity=0)
        self.business = make_business("Alice")
        agree(self.business, *(f"u{number}" for number in range(PEOPLE)))
        self.log = folder / "web.log"
        self.port = any_free()
        self.start()

    def start(self) -> None:
        self.process = web_process(self.port, {})
        with self.log.open("ab") as file:
            self.server = spawn(self.process, env=self.process.env, cwd=ROOT, log=file)
        wait_until_healthy(self.server, self.port, self.log)

    def kill(self) -> None:
        signal_whole(self.process, self.server.pid, SIGKILL)
        self.server.wait()

    def seen(self, client: str) -> int:
        """How many of a client's events have come, landed or not: each has an item of its own."""
        from tenants.behaviour.models import Item, WaitingRequest
        from tenants.behaviour.streaming.inbox import body_of

        with self.business.scope:
            landed = Item.objects.filter(external_id__startswith=f"{client}-").count()
            waiting = [body_of(row) for row in WaitingRequest.objects.all()]
        return landed + sum(body.count(f'"{client}-'.encode()) for body in waiting)

    def arrived(self, client: str) -> tuple[int, int]:
        """Events of a client's items that are stored, and how many different items they are of."""
        from tenants.behaviour.models import Event, Item

        with self.business.scope:
            items = Item.objects.filter(external_id__startswith=f"{client}-")
            own = set(items.values_list("id", flat=True))
            events = [item for item in Event.objects.values_list("item", flat=True) if item in own]
        return len(events), len(set(events))

    def repeated(self) -> int:
        """Events that came again and were told apart."""
        from django.db.models import Sum

        from tenants.behaviour.models import EventBatch

        with self.business.scope:
            return EventBatch.objects.aggregate(n=Sum("duplicate"))["n"] or 0


@contextmanager
def shop() -> Iterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="attune-tracking-") as folder:
        made = Shop(Path(folder))
        try:
            with landing(Path(folder) / "worker.log"):
                yield made
        finally:
            made.kill()


@contextmanager
def installed() -> Iterator[Path]:
    """A throw-away folder with the npm package; SystemExit where node or npm is missing."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        raise SystemExit(f"{' and '.join(missing)} missing: apt-get install nodejs npm")
    with tempfile.TemporaryDirectory(prefix="attune-npm-") as folder:
        words = ("npm", "install", "--no-audit", "--no-fund", "--prefix", folder, NODE_PACKAGE)
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        yield Path(folder)


def start(where: Shop, words: Sequence[str], count: int, **env: str) -> subprocess.Popen[str]:
    told = (f"http://{HOST}:{where.port}", where.business.key, str(count), str(PEOPLE))
    return subprocess.Popen(
        (*words, *told), env={**os.environ, **env}, stdout=subprocess.PIPE, cwd=ROOT, text=True
    )


def kill_half_way(where: Shop, senders: Mapping[str, Any], count: int) -> None:
    """Kill and restart the web server once half of one client's events are there, and some of the
    other's; SystemExit when that does not come.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        stored = {client: where.seen(client) for client in senders}
        if max(stored.values()) >= count // 2 and min(stored.values()) > 0:
            break
        if time.monotonic() > deadline or any(one.poll() is not None for one in senders.values()):
            raise SystemExit(f"half never came: {stored}\n{where.log.read_text()[-4000:]}")
        time.sleep(0.02)
    where.kill()
    stored = {client: where.seen(client) for client in senders}
    print(f"killed the web server when of {count} each had arrived: {stored}", flush=True)
    where.start()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000 if os.environ.get("QUICK") else 10_000)
    count = parser.parse_args().events
    with installed() as packages, shop() as where:
        begun = time.monotonic()
        senders = {
            "python": start(where, (sys.executable, str(CLIENTS / "send.py")), count),
            "node": start(
                where,
                ("node", str(CLIENTS / "send.cjs")),
                count,
                NODE_PATH=str(packages / "node_modules"),
            ),
        }
        try:
            kill_half_way(where, senders, count)
            told = {name: one.communicate(timeout=PATIENCE)[0] for name, one in senders.items()}
        finally:
            for one in senders.values():
                one.kill()
        wait_until_landed(where.business)
        print(f"{told} in {time.monotonic() - begun:.1f} s; {where.repeated()} came again")
        sent = {client: json.loads(out.splitlines()[-1])["sent"] for client, out in told.items()}
        stored = {client: where.arrived(client) for client in sent}
    summary = {
        "python_sent": sent["python"],
        "python_arrived": stored["python"][1],
        "node_sent": sent["node"],
        "node_arrived": stored["node"][1],
        "twice": sum(events - items for events, items in stored.values()),
        "lost": sum(sent[client] - stored[client][1] for client in sent),
    }
    print(json.dumps(summary))
    return int(bool(summary["twice"] or summary["lost"]))


if __name__ == "__main__":
    on_stage(main)
