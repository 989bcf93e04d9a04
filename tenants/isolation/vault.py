"""Files at rest: AES-256-GCM in pieces, written as a stream, read as one or from any place, never
held whole.

A piece's number and the last-piece mark are part of what is authenticated, beside a name that the
caller chooses; so a file that was cut, reordered or put in another's place does not open. Knows
no folder and no table.
"""

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag

from tenants.isolation.keys import seal, unseal

PIECE = 1 << 20
SEALED_PIECE = PIECE + 28  # nonce and tag


class SealedWriter:
    """What is written to it lies sealed in `file`; `length` and `digest` are of the plain bytes.

    `zipfile` can write to it, as to any stream without a position.
    """

    def __init__(self, file: BinaryIO, key: bytes, name: bytes) -> None:
        self.length = 0
        self.digest = hashlib.sha256()
        self._file, self._key, self._name = file, key, name
        self._pending = bytearray()
        self._number = 0

    def write(self, plain: bytes) -> int:
        self.digest.update(plain)
        self.length += len(plain)
        self._pending += plain
        while len(self._pending) > PIECE:  # the last piece is never empty but of an empty file
            self._put(bytes(self._pending[:PIECE]), last=False)
            del self._pending[:PIECE]
        return len(plain)

    def flush(self) -> None:
        """Nothing: a piece is sealed once it is full."""

    def finish(self) -> None:
        """Seal what is left."""
        self._put(bytes(self._pending), last=True)

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._file.write(seal(self._key, piece, _context(self._name, self._number, last=last)))
        self._number += 1


@contextmanager
def sealing(path: Path, key: bytes, name: bytes) -> Iterator[SealedWriter]:
    """Write `path` sealed under `key`; nothing is left of it when the block fails."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with path.open("wb") as file:
            writer = SealedWriter(file, key, name)
            yield writer
            writer.finish()
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def opened(path: Path, key: bytes, name: bytes) -> Iterator[bytes]:
    """The plain pieces; FileNotFoundError when it is gone, InvalidTag when altered."""
    with path.open("rb") as file:
        size, number = os.fstat(file.fileno()).st_size, 0
        if not size:  # even of nothing there is a sealed piece
            raise InvalidTag
        while sealed := file.read(SEALED_PIECE):
            yield _piece(key, sealed, _context(name, number, last=file.tell() == size))
            number += 1


def opened_with(path: Path, keys: Sequence[bytes], name: bytes) -> Iterator[bytes]:
    """The same under the one of the keys that opens the file, or else the last of them."""
    for key in keys[:-1]:
        if opens(path, key, name):
            return opened(path, key, name)
    return opened(path, keys[-1], name)


def opens(path: Path, key: bytes, name: bytes) -> bool:
    """Whether the key opens the first piece; FileNotFoundError."""
    try:
        next(opened(path, key, name))
    except InvalidTag:
        return False
    return True


def extend(
    path: Path, keys: Sequence[bytes], name: bytes, offset: int, part: bytes, *, last: bool
) -> None:
    """Seal more of a file behind its first `offset` plain bytes, and have it on the disk.

    `offset` is a whole number of pieces, and so is the part's length unless it is the `last`. What
    lies beyond `offset` is written over: nobody was told that it is there. InvalidTag when what
    is there opens under none of the keys; else it goes on under its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = _key_of(path, keys, name) if offset else keys[0]
    begin = offset // PIECE * SEALED_PIECE
    try:
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            file.seek(begin)
            file.truncate()
            for start in range(0, len(part), PIECE):
                end = last and start + PIECE >= len(part)
                context = _context(name, (offset + start) // PIECE, last=end)
                file.write(seal(key, part[start : start + PIECE], context))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        os.truncate(path, begin)  # on a full disk others need what it took in vain
        raise


def read_back(
    path: Path, keys: Sequence[bytes], name: bytes, offset: int, size: int, *, whole: bool
) -> bytes:
    """So many plain bytes, from the beginning of a piece on, of a file that `extend` has written;
    `whole`: to its last one. InvalidTag."""
    found, number = bytearray(), offset // PIECE
    key = _key_of(path, keys, name)
    with path.open("rb") as file:
        end = (os.fstat(file.fileno()).st_size - 1) // SEALED_PIECE if whole else -1
        file.seek(number * SEALED_PIECE)
        while len(found) < size:
            context = _context(name, number, last=number == end)
            found += _piece(key, file.read(SEALED_PIECE), context)
            number += 1
    return bytes(found[:size])


def _key_of(path: Path, keys: Sequence[bytes], name: bytes) -> bytes:
    """The key under which a file was begun: while it grows, the master key may be rotated."""
    with path.open("rb") as file:
        first = file.read(SEALED_PIECE)
    for key in keys:
        for last in (False, True):
            with suppress(InvalidTag):
                _piece(key, first, _context(name, 0, last=last))
                return key
    raise InvalidTag


class SealedReader(io.RawIOBase):
    """A sealed file as a plain one that can seek: of its pieces one is open at a time.

    That nothing of its end is missing is known at once; every other piece is judged as it is read.
    InvalidTag when altered, at the start or on any read. Closes `file` with itself.
    """

    def __init__(self, file: BinaryIO, key: bytes, name: bytes) -> None:
        super().__init__()
        self._file, self._key, self._name = file, key, name
        self._place, self._open = 0, (-1, b"")
        size = os.fstat(file.fileno()).st_size
        self._last = max(size - 1, 0) // SEALED_PIECE
        self._length = self._last * PIECE + len(self._piece(self._last))

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
        number, offset = divmod(self._place, PIECE)
        if self._place >= self._length:
            return 0
        part = self._piece(number)[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _piece(self, number: int) -> bytes:
        if self._open[0] != number:
            self._file.seek(number * SEALED_PIECE)
            sealed = self._file.read(SEALED_PIECE)
            context = _context(self._name, number, last=number == self._last)
            self._open = (number, _piece(self._key, sealed, context))
        return self._open[1]


def sealed_reader(path: Path, keys: Sequence[bytes], name: bytes) -> BinaryIO:
    """The file under the one of the keys that opens it, to read and seek in; FileNotFoundError
    when it is gone, else as SealedReader."""
    key = next((key for key in keys[:-1] if opens(path, key, name)), keys[-1])
    file = path.open("rb")
    try:
        return io.BufferedReader(SealedReader(file, key, name), PIECE)
    except BaseException:
        file.close()
        raise


def _piece(key: bytes, sealed: bytes, context: bytes) -> bytes:
    if len(sealed) < SEALED_PIECE - PIECE:
        raise InvalidTag
    return unseal(key, sealed, context)


def _context(name: bytes, number: int, *, last: bool) -> bytes:
    return name + number.to_bytes(8, "big") + (b"\x01" if last else b"\x00")
