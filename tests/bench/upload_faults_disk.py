"""A disk that is really full: a small file system over the folder that an upload lies in."""

import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.bench.upload_faults_api import Answer, Api
from tests.bench.upload_faults_files import Bad
from tests.bench.upload_faults_outages import many_rows
from tests.bench.upload_faults_packed import spool_filler
from tests.bench.upload_faults_processes import VAR, pid_of, tree
from tests.bench.upload_faults_verdict import Table, check_words, judge

SMALL, ENOUGH = 1 << 20, 256 << 20
ROWS = 40_000  # some 1.7 MB


@contextmanager
def small(folder: Path) -> Iterator[Callable[[], None]]:
    """The folder on a disk of SMALL bytes; what is given makes it large. Where this machine lets
    nobody mount, no file of web and worker may grow beyond SMALL: the same error a moment later."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    words = ("mount", "-t", "tmpfs", "-o", f"size={SMALL},mode=700", "tmpfs", str(folder))
    mounted = subprocess.run(words, capture_output=True).returncode == 0
    if not mounted:
        _bound(SMALL)

    def grow() -> None:
        if mounted:
            subprocess.run(("mount", "-o", f"remount,size={ENOUGH}", str(folder)), check=True)
        else:
            _bound(resource.RLIM_INFINITY)

    try:
        yield grow
    finally:
        grow()
        if mounted:
            subprocess.run(("umount", "--lazy", str(folder)), check=True)


def _bound(size: int) -> None:
    for name in ("web", "worker-default"):
        for pid in tree(pid_of(name)):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def full_on_arrival(table: Table, business: Any) -> None:
    """Where every file lies for a moment that comes as a form."""
    with small(Path(settings.INCOMING_ROOT)):
        answer = _send(Api(business.key), many_rows("arr", 2 * ROWS))  # else it stays in memory
        refused(table, "a disk that is full while a file arrives", answer, 2 * ROWS)


def full_disk(table: Table, business: Any) -> None:
    """Where a tenant's files are kept: what meets a full disk goes on once there is room."""
    api, content = Api(business.key), many_rows("dsk", ROWS)
    with small(VAR / "uploads" / str(business.tenant.id)) as grow:
        refused(table, "a disk that is full where files are kept", _send(api, content))
        parts = api.begin(len(content), kind="events", name="parts.csv").body["id"]
        refused(table, "a disk that is full under a part of a file", api.put(parts, 0, content))
        waiting = waits(table, business)
        grow()
        api.put(parts, 0, content)
        status = api.complete(parts, content).status
        say(table, business, "the same part once there is room", status, api.ended(parts))
        answer = _send(api, many_rows("dsl", ROWS))
        say(table, business, "the same file once there is room", answer.status,
            api.ended(answer.body["id"]))  # fmt: skip
        upload = api.ended(waiting)
        say(table, business, "the file that waited for room", 202, upload)


def _send(api: Api, content: bytes) -> Answer:
    return api.send(content, kind="events", name="month.csv")


def refused(table: Table, says: str, answer: Answer, rows: int = ROWS) -> None:
    """A refusal that says when to come again."""
    error = answer.body.get("error") or {}
    if (answer.status, error.get("code")) != (503, "no_room"):
        table.blame(says, f"{answer.status} {error}")
    check_words(table, says, "no_room", error.get("message", ""))
    again = f"HTTP {answer.status}, Retry-After {answer.headers.get('retry-after')}"
    table.line(says, f"{rows} rows", again, error.get("code"), error.get("message"),
               "nothing stored")  # fmt: skip


def waits(table: Table, business: Any) -> str:
    """A file that has room while packed and none unpacked: it waits, and says so."""
    api, says = Api(business.key), "a disk that is full where a packed file is unpacked"
    content = spool_filler(ROWS)
    answer = api.send(content, kind="events", name="packed.parquet.gz")
    deadline = time.monotonic() + 30
    while not (upload := api.look(answer.body["id"]))["error"] and time.monotonic() < deadline:
        time.sleep(0.05)
    error = upload["error"] or {}
    if (upload["status"], error.get("code")) != ("running", "waits_for_room"):
        table.blame(says, f"{upload['status']} {error}")
    table.line(says, f"{ROWS} rows", f"HTTP {answer.status}", f"{upload['status']}",
               error.get("code"), error.get("message"), "nothing stored yet")  # fmt: skip
    return str(answer.body["id"])


def say(table: Table, business: Any, says: str, status: int, upload: dict[str, Any]) -> None:
    judge(table, business, Bad(says, lambda: (b"", ROWS), ends={"accepted": ROWS}), status, upload,
          ROWS)  # fmt: skip
