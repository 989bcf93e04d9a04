"""Read a Parquet file in a process of its own, which may take so much memory and no more.

What a page claims of itself is only known once it is unpacked, and the libraries that unpack are
large; so it happens where there is no secret, no database, and nobody else's work to be lost. Runs
without Django: `python -m tenants.behaviour.reading_apart MEMORY FILE_NUMBER`, orders on stdin.
"""

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import polars as pl

from tenants.behaviour.parquet_reading import ParquetTable, open_parquet
from tenants.behaviour.refusals import UploadRefused
from tenants.behaviour.tables import Batch, Limits

# What the data of one file may take beside the libraries: a batch as it lies in the file, unfolded,
# and as text, each within its own limits.
MEMORY_BYTES = 2 << 30
CPU_SECONDS = 900
BATCH, REFUSED, END = b"B", b"R", b"E"
ROW, FAULT = "\0row", "\0fault"  # no heading holds a NUL
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class TableApart:
    """A Parquet table that was judged by its footer here, and is unpacked apart."""

    table: ParquetTable

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, in the order of the file."""
        return self.table.columns

    @property
    def details(self) -> dict[str, str | int]:
        """As the footer tells them."""
        return self.table.details

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """The rows as `ParquetTable.batches` gives them; UploadRefused also where unpacking took
        too much memory or time, or broke the process."""
        order = {"columns": list(columns), "limits": asdict(self.table.limits)}
        with _held(self.table.source) as file, _Started(file) as child:
            assert child.stdin and child.stdout  # nosec B101 # for the type checker
            with suppress(BrokenPipeError), child.stdin as orders:  # `_read` sees that it ended
                orders.write(json.dumps(order).encode())
            yield from _read(child.stdout, self.table.limits)


def _held(source: BinaryIO) -> IO[bytes]:
    """The file where the other process can read it, never by name: in memory where there is such
    a thing, else in a file that nobody else can open."""
    source.seek(0)
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create("upload"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 # the caller closes it
    while piece := source.read(1 << 20):
        file.write(piece)
    file.seek(0)
    return file


class _Started:
    """The process over an open file; whatever happens, it does not outlive the block."""

    def __init__(self, file: IO[bytes]) -> None:
        words = [sys.executable, "-m", __name__, str(MEMORY_BYTES), str(file.fileno())]
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self._child = subprocess.Popen(  # nosec B603 # words of our own, no shell
            words,
            cwd=ROOT,
            env={**kept, "POLARS_MAX_THREADS": "1"},
            pass_fds=[file.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a library's last words may hold values
        )

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._child

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        if self._child.stdout:
            self._child.stdout.close()
        self._child.wait()


def _read(pipe: IO[bytes], limits: Limits) -> Iterator[Batch]:
    last = 0
    while True:
        head = pipe.read(9)
        kind, size = head[:1], int.from_bytes(head[1:], "big")
        if kind == END:
            return
        if kind not in (BATCH, REFUSED) or size > 4 * limits.unpacked_bytes:
            raise UploadRefused("unpacks_too_large", row=last + 1, most=limits.unpacked_bytes)
        body = pipe.read(size)
        if len(body) != size:
            raise UploadRefused("unpacks_too_large", row=last + 1, most=limits.unpacked_bytes)
        if kind == REFUSED:
            told = json.loads(body)
            raise UploadRefused(told["code"], **told["params"])
        frame = pl.read_ipc_stream(io.BytesIO(body))
        rows, faults = frame[ROW].rename("rows"), frame[FAULT].rename("faults")
        last += frame.height
        yield Batch(rows, faults, frame.drop(ROW, FAULT))


def _send(kind: bytes, body: bytes = b"") -> None:
    sys.stdout.buffer.write(kind + len(body).to_bytes(8, "big") + body)
    sys.stdout.buffer.flush()


def _bind(memory: int) -> None:
    """From here on only so much more memory, so much time, and no dump of either."""
    taken = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (taken + memory, taken + memory))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(memory: int, number: int) -> None:
    """Answer one order on standard output."""
    order: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    _bind(memory)
    try:
        with os.fdopen(number, "rb") as source:
            table = open_parquet(source, Limits(**order["limits"]))
            for batch in table.batches(order["columns"]):
                frame = batch.frame.with_columns(batch.rows.alias(ROW), batch.faults.alias(FAULT))
                body = io.BytesIO()
                frame.write_ipc_stream(body)
                _send(BATCH, body.getvalue())
    except UploadRefused as refused:
        _send(REFUSED, json.dumps({"code": refused.code, "params": refused.params}).encode())
    except MemoryError:
        return  # whoever reads knows what an end without END means
    else:
        _send(END)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
