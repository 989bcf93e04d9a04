"""Some files of a folder as one file, sealed under a key: what leaves a machine is unreadable.

Knows no store and no job. Only names that the caller allows come out again, and only plain files.
"""

import io
import shutil
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography.exceptions import InvalidTag

from tenants.isolation.vault import opened, sealing

BUFFER = 1 << 20


class ArchiveDamaged(Exception):
    """The archive was cut, altered, put in another's place, or holds what it must not."""


def pack(target: Path, folder: Path, names: Collection[str], *, key: bytes, context: bytes) -> None:
    """Write files and folders of `folder`, as far as they are there, into the sealed `target`."""
    with (
        sealing(target, key, context) as sealed,
        tarfile.open(fileobj=sealed, mode="w|", bufsize=BUFFER) as archive,  # type: ignore[call-overload]
    ):
        for name in names:
            for path in _files(folder / name):
                archive.add(path, path.relative_to(folder).as_posix(), recursive=False)


def unpack(
    source: Path, folder: Path, names: Collection[str], *, key: bytes, context: bytes
) -> None:
    """Write what is in the sealed `source` into `folder`; ArchiveDamaged leaves parts behind."""
    pieces = opened(source, key, context)
    try:
        plain = io.BufferedReader(_Pieces(pieces), BUFFER)
        with tarfile.open(fileobj=plain, mode="r|", bufsize=BUFFER) as archive:
            for member in archive:
                _extract(archive, member, folder, names)
        for _ in pieces:  # to the last one, whose mark says that nothing is missing
            continue
    except (InvalidTag, tarfile.TarError) as error:
        raise ArchiveDamaged(source.name) from error


def _extract(
    archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, names: Collection[str]
) -> None:
    path = PurePosixPath(member.name)
    content = archive.extractfile(member) if member.isreg() else None
    if content is None or path.parts[0] not in names or ".." in path.parts:
        raise ArchiveDamaged(f"{member.name}: it does not belong here")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    with content, (folder / path).open("wb") as file:
        shutil.copyfileobj(content, file, BUFFER)


def _files(path: Path) -> list[Path]:
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [one for one in found if one.is_file() and not one.is_symlink()]


class _Pieces(io.RawIOBase):
    """The pieces of an opened file as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
