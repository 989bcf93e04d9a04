"""What goes wrong around an upload: a worker, the web server or the database ends under it."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.bench.upload_faults_api import Api
from tests.bench.upload_faults_files import HEAD, Bad, csv, rows
from tests.bench.upload_faults_processes import (
    database_frozen,
    database_gone,
    kill,
    pid_of,
    tree,
    wait_for_web,
)
from tests.bench.upload_faults_streams import Stream, began
from tests.bench.upload_faults_verdict import Table, judge

QUICK = bool(os.environ.get("QUICK"))
ROWS = 60_000 if QUICK else 1_000_000
GONE, FROZEN = (1.0, 1.0) if QUICK else (60.0, 20.0)  # seconds


def many_rows(tag: str, count: int, note: str = "") -> bytes:
    """A long file whose people act no faster than people do; a `note` makes its rows longer, so
    that fewer of them are stored at once."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    seconds = (start + timedelta(seconds=number) for number in range(count))
    lines = (
        f"u{number % 10},{tag}-{number % 500},view,{at:%Y-%m-%dT%H:%M:%SZ},,,{note}"
        for number, at in enumerate(seconds)
    )
    return "\n".join((",".join((*HEAD, "note")), *lines, "")).encode()


def worker_killed(table: Table, business: Any) -> Callable[[], None]:
    """SIGKILL to the worker and whatever it has started, once some rows are stored. What is given
    tells of the file in the end."""
    api, bad = Api(business.key), Bad("", lambda: (many_rows("kil", ROWS, "x" * 80), ROWS))
    content, count = bad.made()
    answer = api.send(content, kind="events", name="year.csv")
    while not (found := api.look(answer.body["id"]))["rows_done"]:
        if found["status"] in ("done", "failed"):
            break
        time.sleep(0.01)
    for pid in reversed(tree(pid_of("worker-default"))):
        os.kill(pid, signal.SIGKILL)
    then = found["rows_done"]
    says = f"a worker killed when {then:,} of {count:,} rows were stored"
    if not 0 < then < count:
        table.blame(says, "it was not in the middle")

    def told() -> None:
        upload = api.ended(answer.body["id"])
        whole = Bad(says, bad.made, ends={"accepted": count})
        judge(table, business, whole, answer.status, upload, count)

    return told


def sent_again(table: Table, business: Any) -> None:
    """The whole file once more, as a person does who is not sure that it went through."""
    api, content = Api(business.key), csv(rows("aga", 10)).encode()
    first = api.send(content, kind="events", name="week.csv")
    api.ended(first.body["id"])
    again = api.send(content, kind="events", name="week.csv")
    bad = Bad("a file that was sent before", lambda: (content, 10), ends={"already_stored": 10})
    judge(table, business, bad, again.status, api.ended(again.body["id"]), 10)


def items_after_events(table: Table, business: Any) -> None:
    """Events first, and the catalogue that describes their items behind them."""
    api = Api(business.key)
    events = csv(rows("ite", 10)).encode()
    items = "item_id,title,price\n" + "".join(f"ite-{n},Thing {n},{n}.50\n" for n in range(10))
    for says, kind, content in (
        ("events of unknown items", "events", events),
        ("their items, after them", "items", items.encode()),
    ):
        bad = Bad(says, lambda: (b"", 10), ends={"accepted": 10}, kind=kind)
        answer = api.send(content, kind=kind, name=f"{kind}.csv")
        judge(table, business, bad, answer.status, api.ended(answer.body["id"]), 10)


def streamed(table: Table, business: Any, other: Any) -> int:
    """Every outage while two clients stream; how many acknowledged events are lost. Files are sent
    by another tenant as well: those of one are processed one after the other.
    """
    streams = [Stream(business, path, began(days))
               for days, path in ((20, "/v1/events"), (10, "/v1/batch"))]  # fmt: skip
    with streams[0], streams[1]:
        wait_for(streams)
        for says, outage in OUTAGES.items():
            begun, before = time.monotonic(), [stream.answers.copy() for stream in streams]
            outage(table, business, other)
            wait_for(streams)
            tell(table, f"{says}, {time.monotonic() - begun:.0f} s", streams, before)
    lost = twice = 0
    for stream in streams:
        gone, double = stream.lost_and_twice()
        lost, twice = lost + gone, twice + double
        print(f"     {stream.path}: {len(stream.acknowledged):,} events acknowledged, "
              f"{gone} of them lost, {double} stored twice")  # fmt: skip
    if twice:
        table.blame("streams", f"{twice} events are stored twice")
    return lost


def wait_for(streams: list[Stream]) -> None:
    for stream in streams:
        stream.wait_for_more()


def tell(table: Table, says: str, streams: list[Stream], before: list[Counter[str]]) -> None:
    answers = sum((one.answers - old for one, old in zip(streams, before, strict=True)), Counter())
    told = ", ".join(f"{status} × {count}" for status, count in sorted(answers.items()))
    bad = set(answers) - {"200", "202", "429", "503", "no answer"}
    if bad:
        table.blame(says, f"answered {sorted(bad)}")
    refusal = next((one.refusal for one in streams if one.refusal and answers["503"]), "")
    table.line(says, f"answers {told}", refusal, "whatever was refused was sent again")


def gone(*_: Any) -> None:
    with database_gone():
        time.sleep(GONE)


def frozen(*_: Any) -> None:
    with database_frozen():
        time.sleep(FROZEN)


def both_killed(table: Table, business: Any, other: Any) -> None:
    """The web server while the worker comes back, with a file half here and another half stored."""
    tell_of_worker = worker_killed(table, business)
    web_killed(table, other)
    tell_of_worker()


def web_killed(table: Table, business: Any) -> None:
    """SIGKILL to the web server between two parts of a file, which then goes on."""
    api, content = Api(business.key), many_rows("par", 40_000)
    cut = 1 << 20
    upload = api.begin(len(content), kind="events", name="month.csv").body["id"]
    api.put(upload, 0, content[:cut])
    kill("web")
    wait_for_web()
    here = api.look(upload)["bytes_received"]
    api.put(upload, here, content[here:])
    status = api.complete(upload, content).status
    says = f"the web server killed behind {here:,} of {len(content):,} bytes of a file"
    bad = Bad(says, lambda: (content, 40_000), ends={"accepted": 40_000})
    judge(table, business, bad, status, api.ended(upload), 40_000)


OUTAGES: dict[str, Callable[[Table, Any, Any], None]] = {
    f"PostgreSQL gone for {GONE:.0f} s while events are streamed": gone,
    f"PostgreSQL frozen for {FROZEN:.0f} s while events are streamed": frozen,
    "worker and web server killed while events are streamed": both_killed,
}
