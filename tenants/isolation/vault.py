"""Files at rest: AES-256-GCM in pieces, written and read as a stream, never held whole.

A piece's number and the last-piece mark are part of what is authenticated, beside a name that the
caller chooses; so a file that was cut, reordered or put in another's place does not open. Knows
no folder and no table.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

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
            yield unseal(key, sealed, _context(name, number, last=file.tell() == size))
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


def _context(name: bytes, number: int, *, last: bool) -> bytes:
    return name + number.to_bytes(8, "big") + (b"\x01" if last else b"\x00")
