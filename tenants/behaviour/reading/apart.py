"""Read a Parquet file in a process of its own, which may take so much memory and no more.

What a page claims of itself is only known once it is unpacked, and the libraries that unpack are
large; so it happens where there is no secret, no database, and nobody else's work to be lost. The
process is given no file: it asks for the places that it wants to read, one after another, so that
nothing lies in the clear anywhere, nor whole in memory. Runs without Django:
`python -m tenants.behaviour.reading.apart MEMORY`, an order and the answers on stdin.
"""

import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import polars as pl

from tenants.behaviour.reading.parquet_file import ParquetTable, open_parquet
from tenants.behaviour.reading.tables import Batch, Limits
from tenants.behaviour.refusals import UploadRefused

# What the data of one file may take beside the libraries: a batch as it lies in the file, unfolded,
# and as text, each within its own limits.
MEMORY_BYTES = 2 << 30
CPU_SECONDS = 3600
WANTED, BATCH, REFUSED, END = b"W", b"B", b"R", b"E"
# What the other process reads at once; a library that asks for a few bytes is given them from it.
WINDOW = 1 << 20
ROW, FAULT = "\0row", "\0fault"  # no heading holds a NUL
ROOT = Path(__file__).resolve().parents[3]


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
        order = {
            "columns": list(columns),
            "limits": asdict(self.table.limits),
            "bytes": self.table.source.seek(0, os.SEEK_END),
        }
        with _Started() as child:
            assert child.stdin and child.stdout  # nosec B101 # for the type checker
            with suppress(BrokenPipeError):  # `_read` sees that it ended
                _tell(child.stdin, json.dumps(order).encode())
            yield from _read(child.stdout, child.stdin, self.table)


class _Started:
    """The process; whatever happens, it does not outlive the block."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", __name__, str(MEMORY_BYTES)]
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self._child = subprocess.Popen(  # nosec B603 # words of our own, no shell
            words,
            cwd=ROOT,
            env={**kept, "POLARS_MAX_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a library's last words may hold values
        )

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._child

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            with suppress(BrokenPipeError):  # what was on its way to the process
                if pipe:
                    pipe.close()


def _read(pipe: IO[bytes], answers: IO[bytes], table: ParquetTable) -> Iterator[Batch]:
    limits, last = table.limits, 0
    while True:
        head = pipe.read(9)
        kind, size = head[:1], int.from_bytes(head[1:], "big")
        if kind == END:
            return
        if kind not in (WANTED, BATCH, REFUSED) or size > 4 * limits.unpacked_bytes:
            raise UploadRefused("unpacks_too_large", row=last + 1, most=limits.unpacked_bytes)
        body = pipe.read(size)
        if len(body) != size:
            raise UploadRefused("unpacks_too_large", row=last + 1, most=limits.unpacked_bytes)
        if kind == WANTED:
            _give(answers, body, table.source)
            continue
        if kind == REFUSED:
            told = json.loads(body)
            raise UploadRefused(told["code"], **told["params"])
        frame = pl.read_ipc_stream(io.BytesIO(body))
        rows, faults = frame[ROW].rename("rows"), frame[FAULT].rename("faults")
        last += frame.height
        yield Batch(rows, faults, frame.drop(ROW, FAULT))


def _give(answers: IO[bytes], body: bytes, source: BinaryIO) -> None:
    """Send what lies at the place that the other process asked for. That process may have been
    stopped meanwhile: whoever reads its words learns of it."""
    place, size = (int.from_bytes(body[start : start + 8], "big") for start in (0, 8))
    source.seek(place)
    with suppress(BrokenPipeError):
        _tell(answers, source.read(min(size, WINDOW)))


def _tell(pipe: IO[bytes], body: bytes) -> None:
    pipe.write(len(body).to_bytes(8, "big") + body)
    pipe.flush()


def _hear() -> bytes:
    size = int.from_bytes(sys.stdin.buffer.read(8), "big")
    return sys.stdin.buffer.read(size)


class FileElsewhere(io.RawIOBase):
    """The file as this process sees it: each read asks whoever started it."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._length, self._place = length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._length}[whence]
        self._place = max(start + offset, 0)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), WINDOW)
        _send(WANTED, self._place.to_bytes(8, "big") + size.to_bytes(8, "big"))
        part = _hear()
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)


def _send(kind: bytes, body: bytes = b"") -> None:
    sys.stdout.buffer.write(kind + len(body).to_bytes(8, "big") + body)
    sys.stdout.buffer.flush()


def _bind(memory: int) -> None:
    """From here on only so much more memory, so much time, and no dump of either."""
    taken = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (taken + memory, taken + memory))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(memory: int) -> None:
    """Answer one order on standard output."""
    order: dict[str, Any] = json.loads(_hear())
    _bind(memory)
    try:
        source = io.BufferedReader(FileElsewhere(order["bytes"]), WINDOW)
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
    main(int(sys.argv[1]))
