"""Files packed by gzip, zstd or zip, unpacked as they are read, never to a disk in the clear.

An archive is unpacked to its end once before anything in it is believed: that it breaks off, that
a check sum is wrong or that it unpacks to far more than it is, is known before its first row.
"""

import io
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from tenants.behaviour.reading.tables import Batch, Limits, Table
from tenants.behaviour.reading.zip_file import only_file
from tenants.behaviour.refusals import UploadRefused
from tenants.isolation.vault import PIECE, SealedReader, SealedWriter

BLOCK = 1 << 20
# No ratio is asked of what unpacks to less: a few repeated lines may shrink to nothing.
SMALL = 64 << 20
BROKEN = (EOFError, OSError, zlib.error, zipfile.BadZipFile, pa.ArrowException)


class Lent(io.RawIOBase):
    """A file that its reader does not close with itself."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._source.read(size)


def _stream(source: BinaryIO, packing: str) -> Callable[[], Any]:
    def start() -> Any:
        source.seek(0)
        return pa.CompressedInputStream(pa.PythonFile(Lent(source), mode="r"), packing)

    return start


def _zipped(source: BinaryIO, _: str) -> Callable[[], Any]:
    archive, info = only_file(source)
    return lambda: archive.open(info)


# First bytes -> the packing, and what begins to unpack it.
PACKINGS = (
    (b"\x1f\x8b", "gzip", _stream),
    (b"\x28\xb5\x2f\xfd", "zstd", _stream),
    (b"PK\x03\x04", "zip", _zipped),
    (b"PK\x05\x06", "zip", _zipped),  # an empty one
)


def packing_of(head: bytes) -> str | None:
    """By what a file that begins so is packed."""
    return next((name for magic, name, _ in PACKINGS if head.startswith(magic)), None)


def unpacked(source: BinaryIO, packing: str, limits: Limits) -> BinaryIO:
    """The one file in an archive, as a plain one; seeking back unpacks from the start again.

    Raises UploadRefused truncated_archive, damaged_archive, archive_too_large, and what
    `only_file` does.
    """
    size = source.seek(0, os.SEEK_END)
    most = min(limits.file_bytes, max(SMALL, limits.ratio * size))
    begin = next(begin for _, name, begin in PACKINGS if name == packing)
    return io.BufferedReader(Unpacked(begin(source, packing), most), BLOCK)


class Unpacked(io.RawIOBase):
    """What `start` begins to unpack; sound to its end once this is made."""

    def __init__(self, start: Callable[[], Any], most: int) -> None:
        super().__init__()
        self._start, self._most = start, most
        self._begin()
        while self._next(BLOCK):
            pass
        self._length = self._place
        self._begin()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._length}[whence]
        wanted = min(max(start + offset, 0), self._length)
        if wanted < self._place:
            self._begin()
        while self._place < wanted:
            self._next(min(BLOCK, wanted - self._place))
        return self._place

    def readinto(self, buffer: Any) -> int:
        part = self._next(min(len(buffer), BLOCK))
        buffer[: len(part)] = part
        return len(part)

    def _begin(self) -> None:
        self._place = 0
        try:
            self._stream = self._start()
        except BROKEN as error:
            raise broken(error, 0) from None

    def _next(self, size: int) -> bytes:
        try:
            part = bytes(self._stream.read(size))
        except BROKEN as error:
            raise broken(error, self._place) from None
        self._place += len(part)
        if self._place > self._most:
            raise UploadRefused("archive_too_large", most=self._most)
        return part


def broken(error: BaseException, place: int) -> BaseException:
    """A refusal for what could not be unpacked; a failing disk stays what it is."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    if isinstance(error, EOFError) or "runcated" in str(error):
        return UploadRefused("truncated_archive", bytes=place)
    return UploadRefused("damaged_archive")


def spooled(stream: BinaryIO, folder: Path | None, limits: Limits) -> BinaryIO:
    """The same file where it can be read from any place: below `folder`, without a name, sealed
    under a key that is kept nowhere. Raises UploadRefused archive_too_large."""
    key, name = os.urandom(32), b"spooled"
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 # the reader closes it
    writer = SealedWriter(file, key, name)
    stream.seek(0)
    while part := stream.read(BLOCK):
        writer.write(part)
        if writer.length > limits.spooled_bytes:
            file.close()
            raise UploadRefused("archive_too_large", most=limits.spooled_bytes)
    writer.finish()
    file.flush()
    return io.BufferedReader(SealedReader(file, key, name), PIECE)


@dataclass(frozen=True)
class PackedTable:
    """The table in an archive, which its report says."""

    table: Table
    packing: str

    @property
    def columns(self) -> tuple[str, ...]:
        """As in the file inside."""
        return self.table.columns

    @property
    def details(self) -> dict[str, str | int]:
        """As of the file inside, and by what it was packed."""
        return {**self.table.details, "packing": self.packing}

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """The rows of the file inside."""
        return self.table.batches(columns)
