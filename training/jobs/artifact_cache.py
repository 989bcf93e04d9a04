"""This machine's copies of bundles from the shared store: checked as they come, the longest unused
the first to go, never one that is being read.

A copy is a folder with its final name; whoever reads it holds a shared lock on that folder. What is
being brought or thrown away bears another name.
"""

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings

from tenants.isolation import depot
from tenants.isolation.names import tenant_folder
from training.engine.sealed import flush
from training.jobs.bundle_files import (
    MANIFEST,
    MOST_MANIFEST,
    ArtifactDamaged,
    check_bundle,
    check_file,
    parse_manifest,
)

ROOM = "artifacts"
PARTIAL = ".partial"


def path_of(tenant_id: UUID, digest: bytes) -> Path:
    """The folder of the bundle whose manifest has this SHA-256."""
    return tenant_folder(settings.ARTIFACT_ROOT, tenant_id) / digest.hex()


@contextmanager
def held(tenant_id: UUID, digest: bytes, files: Collection[str] | None) -> Iterator[Path]:
    """The folder of a checked copy, which stays while the block lasts. A damaged copy is brought
    once more; ArtifactDamaged when the store's own is, StoreUnreachable."""
    folder = path_of(tenant_id, digest)
    lock = _checked(tenant_id, digest, files)
    try:
        os.utime(folder)
        yield folder
    finally:
        os.close(lock)


def _checked(tenant_id: UUID, digest: bytes, files: Collection[str] | None) -> int:
    """A shared lock on a whole copy."""
    folder, attempts = path_of(tenant_id, digest), 3
    while True:
        attempts -= 1
        if not folder.is_dir():
            fetch(tenant_id, digest)
        lock = _lock(folder, fcntl.LOCK_SH)
        if lock is None:  # thrown away meanwhile
            if not attempts:
                raise ArtifactDamaged(f"{MANIFEST}: the cache has no room for the bundle")
            continue
        try:
            check_bundle(folder, digest, files)
            return lock
        except ArtifactDamaged:
            os.close(lock)
            discard(folder)
            if not attempts:
                raise


def fetch(tenant_id: UUID, digest: bytes) -> None:
    """Bring a bundle into the cache, whole or not at all: every file checked and on the disk."""
    where = (tenant_id, ROOM, digest.hex())
    try:
        text = depot.read(*where, MANIFEST, most=MOST_MANIFEST)
    except FileNotFoundError as error:
        raise ArtifactDamaged(f"{MANIFEST}: it is not in the store") from error
    stated = parse_manifest(text, digest)["files"]
    sizes = depot.listing(*where)
    for name, facts in stated.items():  # before anything is brought
        if sizes.get(name) != facts["bytes"]:
            raise ArtifactDamaged(f"{name}: missing in the store, or of the wrong size")
    make_room(len(text) + sum(facts["bytes"] for facts in stated.values()))
    with placing(path_of(tenant_id, digest)) as partial:
        for name, facts in stated.items():
            try:
                depot.download(partial / name, *where, name)
            except FileNotFoundError as error:
                raise ArtifactDamaged(f"{name}: missing in the store") from error
            check_file(partial / name, facts)
            flush(partial / name)
        (partial / MANIFEST).write_bytes(text)
        flush(partial / MANIFEST)


@contextmanager
def placing(target: Path) -> Iterator[Path]:
    """A folder that takes the name `target` when the block ends well, and is gone when it fails,
    or when another brought the same meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = _aside(target)
    partial.mkdir(mode=0o700)
    lock = os.open(partial, os.O_RDONLY)
    if depot.is_shared():  # a folder of NFS, which plain stores may be, cannot be locked
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield partial
        flush(partial)
        if not target.exists():
            partial.rename(target)
            flush(target.parent)
    except OSError:
        if not target.exists():
            raise
    finally:
        os.close(lock)
        shutil.rmtree(partial, ignore_errors=True)


def make_room(needed: int) -> None:
    """Throw away the longest unused copies until `needed` bytes fit below the bound."""
    entries = [path for path in Path(settings.ARTIFACT_ROOT).glob("*/*") if path.is_dir()]
    sizes = {path: _bytes_of(path) for path in entries}
    left = settings.ARTIFACT_CACHE_BYTES - needed - sum(sizes.values())
    for path in sorted((path for path in entries if path.suffix != PARTIAL), key=_used_at):
        if left >= 0:
            return
        if discard_unread(path):
            left += sizes[path]


def discard_unread(path: Path) -> bool:
    """Throw a copy away unless somebody reads it; whether it is gone."""
    lock = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if lock is None:
        return not path.exists()
    try:
        discard(path)
    finally:
        os.close(lock)
    return True


def discard(folder: Path) -> None:
    """Take a copy out of sight at once, then delete it."""
    aside = _aside(folder)
    try:
        folder.rename(aside)
    except FileNotFoundError:
        return
    shutil.rmtree(aside, ignore_errors=True)


def _lock(folder: Path, kind: int) -> int | None:
    """A lock on the folder that bears this name now; None when there is none or it is held."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, kind)
        if os.path.samestat(os.fstat(handle), folder.stat()):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(handle)
    return None


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex}{PARTIAL}")


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _bytes_of(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:  # thrown away by another process meanwhile
            continue
    return total
