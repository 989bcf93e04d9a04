"""The driver of `make bench-upload-faults`: sends every bad input to a running product, and tells
what became of it. Runs in the environment of one of the product's workers; a line on its input
says that the product runs.
"""

import json
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402

from tenants.accounts.models import Tenant  # noqa: E402
from tests.bench.stage import UNLIMITED  # noqa: E402
from tests.bench.upload_faults_api import Api  # noqa: E402
from tests.bench.upload_faults_disk import full_disk, full_on_arrival  # noqa: E402
from tests.bench.upload_faults_files import PEOPLE, TEXTS, Bad, csv, rows  # noqa: E402
from tests.bench.upload_faults_outages import (  # noqa: E402
    items_after_events,
    sent_again,
    streamed,
)
from tests.bench.upload_faults_packed import BOMBS, PACKED  # noqa: E402
from tests.bench.upload_faults_processes import VAR, Memory  # noqa: E402
from tests.bench.upload_faults_verdict import Table, check_words, judge  # noqa: E402
from tests.business import Business, make_business  # noqa: E402
from tests.tenants.behaviour.uploads import agree  # noqa: E402

# The files of one tenant are processed one after the other, so several tenants send them.
SENDERS = 3
# What the worker and whatever it starts may take while bombs are being unpacked: its two processes,
# and beside them one that reads Parquet and may take 2 GiB for its data.
MOST_MEMORY_MB = 2_800
LEAST_INPUTS = 20


def open_shop(name: str) -> Business:
    """A tenant whose people consented, with limits that no client of the bench meets."""
    business = make_business(name)
    agree(business, *(f"u{number}" for number in range(PEOPLE)))
    with business.scope:
        Tenant.objects.filter(pk=business.tenant.id).update(granted=dict(UNLIMITED))
    return business


def try_all(table: Table, business: Business, bads: Sequence[Bad]) -> None:
    """Send them one after the other, each once the one before has ended."""
    api = Api(business.key)
    for bad in bads:
        content, rows = bad.made()
        answer = api.send(content, kind=bad.kind, name=bad.name, options=bad.options)
        if answer.status != 202:
            refuse(table, bad, answer.status, answer.body.get("error", {}), rows)
            continue
        judge(table, business, bad, answer.status, api.ended(answer.body["id"]), rows)
    connection.close()


def refuse(table: Table, bad: Bad, status: int, error: dict[str, Any], rows: int) -> None:
    """One line about a file that was not even taken."""
    if error.get("code") != bad.code:
        table.blame(bad.says, f"{status} {error}, not {bad.code}")
    check_words(table, bad.says, bad.code, error.get("message", ""))
    told = (f"HTTP {status}", f"refused {error.get('code')}", error.get("message"))
    table.line(bad.says, f"{rows} rows", *told, "nothing stored")


def bombs(table: Table, attacker: Business, neighbour: Business) -> float:
    """Everything that unpacks to too much, while another tenant's files go through; the most
    memory that the worker and whatever it starts took, in MB."""
    api, content, times = Api(neighbour.key), csv(rows("nei", 10)).encode(), []
    with Memory("worker-default") as memory, ThreadPoolExecutor(1) as pool:
        going = pool.submit(try_all, table, attacker, BOMBS)
        while not going.done():
            begun = time.monotonic()
            sent = api.send(content, kind="events", name="day.csv")
            if api.ended(sent.body["id"])["status"] != "done":
                table.blame("bombs", "another tenant's file was not processed meanwhile")
            times.append(time.monotonic() - begun)
            time.sleep(1.0)
        going.result()
    print(f"     meanwhile {len(times)} files of another tenant, the slowest in {max(times):.1f} s")
    print(f"     the worker and what it started took {memory.most_mb:.0f} MB at most")
    if memory.most_mb > MOST_MEMORY_MB:
        table.blame("bombs", f"the worker took {memory.most_mb:.0f} MB")
    return memory.most_mb


def files(table: Table, shops: Sequence[Business]) -> None:
    """All other files, in turns over several tenants."""
    bads = [*TEXTS, *PACKED]
    with ThreadPoolExecutor(len(shops)) as pool:
        parts = (bads[place :: len(shops)] for place in range(len(shops)))
        list(pool.map(lambda shop, part: try_all(table, shop, part), shops, parts))


def tracebacks() -> list[str]:
    """The last line of each traceback in a log of the product."""
    found = []
    for log in sorted((VAR / "log").glob("*.log")):
        for part in log.read_text(errors="replace").split("Traceback (most recent call last)")[1:]:
            last = next(
                (one for one in part.splitlines()[1:] if one and not one.startswith(" ")), ""
            )
            found.append(f"{log.name}: {last[:200]}")
    return found


def main() -> int:
    begun, table = time.monotonic(), Table()

    def say(what: str) -> None:
        print(f"     {time.monotonic() - begun:.1f} s: {what}", flush=True)

    waiter, *shops = [open_shop(f"Shop{place}-{token_hex(3)}") for place in range(SENDERS + 1)]
    full_on_arrival(table, waiter)
    with ThreadPoolExecutor(1) as pool:
        full = pool.submit(full_disk, table, waiter)
        say("files of one fault each, and beside them a disk that stays full for a while")
        files(table, shops)
        say("bombs")
        memory = bombs(table, shops[0], shops[2])
        full.result()
    say("files in a wrong order, and twice")
    sent_again(table, shops[2])
    items_after_events(table, shops[2])
    say("events streamed through every outage")
    lost = streamed(table, shops[2], shops[1])
    return report(table, lost, memory, time.monotonic() - begun)


def report(table: Table, lost: int, memory: float, seconds: float) -> int:
    unhandled = tracebacks()
    for line in [*Api.faults, *unhandled, *table.wrong]:
        print(f"WRONG  {line}")
    result = {
        "inputs": table.inputs,
        "rows_lost": table.rows_lost,
        "server_errors": len(Api.faults) + len(unhandled),
        "acknowledged_events_lost": lost,
        "not_as_expected": len(table.wrong),
        "peak_memory_mb": round(memory),
        "seconds": round(seconds, 1),
    }
    print(json.dumps(result))
    good = result["inputs"] >= LEAST_INPUTS and not any(
        result[name] for name in ("rows_lost", "server_errors", "acknowledged_events_lost",
                                  "not_as_expected")
    )  # fmt: skip
    return 0 if good else 1


if __name__ == "__main__":
    # What was stopped or mounted is set right again also when somebody ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main() if sys.stdin.readline() else 1)
