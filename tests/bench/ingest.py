"""`make bench-ingest`: 1,000,000 rows from a file to the events table, back, and as they happen.

In turns, in one run: the upload of a file through the product's own door and worker (its consent
check and its quarantine included), a COPY of the rows that it stored into a table with the same
keys and indexes, and into one without any. Then the training's own reading beside a COPY of the
same query whose bytes are thrown away; then requests of 100 events over HTTP beside a view that
only parses them. Ratios are of the medians over the rounds. QUICK=1: a tenth of the
rows, once. The last line is one JSON object.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from tests.bench.stage import UNLIMITED, on_stage

QUICK = bool(os.environ.get("QUICK"))
ROWS = 100_000 if QUICK else 1_000_000
ROUNDS = 1 if QUICK else 3
READS = 3 if QUICK else 5
MANY = {**UNLIMITED, "events_per_month": 10**10, "storage_bytes": 10**12}


def main() -> None:
    from django.core.management import call_command

    from tests.bench.ingest_stream import stream
    from tests.business import make_business

    with tempfile.TemporaryDirectory(prefix="attune-ingest-") as folder, worker() as hands:
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        business = make_business("Alice")
        grant(business)
        assert hands.stdout.readline() == "ready\n"
        figures = bulk(business, Path(folder), hands)
    figures |= read_back(business)
    figures |= stream(business)
    print(json.dumps(figures))


def grant(business: Any) -> None:
    from tenants.accounts.models import Tenant

    with business.scope:
        Tenant.objects.filter(pk=business.tenant.id).update(granted=MANY)


@contextmanager
def worker() -> Iterator[Any]:
    """A process that ingests what it is told once it is `ready`; see `ingest_worker`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.ingest_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait()


def bulk(business: Any, folder: Path, hands: Any) -> dict[str, float]:
    """The file's rows, in turns with the two COPYs of what was stored."""
    from tests.bench import ingest_copies as copies
    from tests.bench.ingest_rows import consents, how_to_read, write_rows
    from tests.bench.ingest_stream import visitors
    from tests.stocked import archive

    path = folder / "rows.csv"
    people = write_rows(path, ROWS)
    shoppers = pl.DataFrame({"user_id": visitors()}).with_columns(consents=True)
    archive(business)
    upload(business, hands, "consents", [consents(pl.concat([people, shoppers]))])
    how = how_to_read()
    print(f"{ROWS} rows, {path.stat().st_size / 1e6:.0f} MB, {people.height} people", flush=True)
    copies.open_tables()
    upload(business, hands, "events", pieces(path), **how)  # what the first of all costs: no round
    forms = ("csv", "binary")
    accepted = max(copies.keep_rows(folder / form, business.tenant.id, form) for form in forms)

    def copied(table: str, form: str) -> dict[str, float]:
        return {"seconds": copies.copy_into(table, folder / form, form)}

    turns = {
        "ingest": lambda: upload(business, hands, "events", pieces(path), **how),
        **{
            f"{name} {form}": partial(copied, table, form)
            for name, table in (("keyed", copies.KEYED), ("bare", copies.BARE))
            for form in forms
        },
    }
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in turns}
    for number in range(ROUNDS):
        copies.forget_rows()
        for name in turns if number % 2 else reversed(turns):
            taken[name].append(turns[name]())
            told = ", ".join(f"{key} {value:.2f}" for key, value in taken[name][-1].items())
            print(f"round {number + 1}, {name}: {told}", flush=True)
    seconds = {name: statistics.median(one["seconds"] for one in taken[name]) for name in taken}
    bytes_per_event, parts = copies.sizes(accepted)
    print("bytes:", ", ".join(f"{name} {size:.1f}" for name, size in parts.items()))
    return {
        "rows": ROWS,
        "rows_accepted": accepted,
        "rows_per_second": round(accepted / seconds["ingest"]),
        "rows_ratio_to_copy": round(seconds["keyed csv"] / seconds["ingest"], 3),
        "rows_ratio_to_bare_copy": round(seconds["bare csv"] / seconds["ingest"], 3),
        "rows_ratio_to_binary_copy": round(seconds["keyed binary"] / seconds["ingest"], 3),
        "rows_ratio_to_bare_binary_copy": round(seconds["bare binary"] / seconds["ingest"], 3),
        "peak_memory_mb": round(max(one["peak_mb"] for one in taken["ingest"])),
        "bytes_per_event": round(bytes_per_event, 1),
    }


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece


def upload(
    business: Any, hands: Any, kind: str, chunks: Any, **how: Any
) -> dict[str, float]:  # fmt: skip
    """Seconds from the file to the finished report; SystemExit when it does not add up."""
    from tenants.behaviour.arriving.accepting import accept_upload
    from tenants.behaviour.models import Event, Upload

    begun = time.perf_counter()
    with business.scope:
        accepted = accept_upload(
            kind=kind, name=f"{kind}.csv", chunks=chunks, actor=business.actor, **how
        )
    kept = time.perf_counter() - begun
    hands.stdin.write(f"{business.tenant.id} {accepted.pk}\n")
    hands.stdin.flush()
    told: dict[str, float] = json.loads(hands.stdout.readline())
    with business.scope:
        done = Upload.objects.get(pk=accepted.pk)
        stored = Event.objects.count()
    if done.state != Upload.DONE or (kind == "events" and stored != done.report["accepted"]):
        raise SystemExit(f"{kind}: {done.state}, {stored} stored, {done.error or done.report}")
    return {**told, "seconds": kept + told["seconds"], "kept_seconds": kept}


def read_back(business: Any) -> dict[str, float]:
    """What a freeze reads, beside the same COPY thrown away, in turns."""
    from training.jobs.allowed import asked_of_training, whole_tenant
    from training.jobs.grouping import label_params
    from training.jobs.models import DeclaredGroups
    from training.jobs.reading_back import EVENTS, read_events

    with business.scope:
        params = label_params(DeclaredGroups())

    def discard() -> None:
        with whole_tenant() as cursor, cursor.copy(asked_of_training(EVENTS), params) as copy:
            for _ in copy:
                pass

    turns = {"read": lambda: read_events(params), "discard": discard}
    taken: dict[str, list[float]] = {name: [] for name in turns}
    with business.scope:
        for number in range(READS):
            for name in turns if number % 2 else reversed(turns):
                begun = time.perf_counter()
                turns[name]()
                taken[name].append(time.perf_counter() - begun)
    seconds = {name: statistics.median(times) for name, times in taken.items()}
    print(", ".join(f"{name} {one:.2f} s" for name, one in seconds.items()), flush=True)
    return {"read_ratio_to_copy": round(seconds["discard"] / seconds["read"], 3)}


if __name__ == "__main__":
    on_stage(main)
