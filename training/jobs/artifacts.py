"""Where finished bundles lie: immutable, named by the hash of their manifest, per tenant.

In a plain folder they are used where they lie; from a shared store each machine keeps checked
copies. A bundle without its manifest does not exist, so the manifest is written last.
"""

import logging
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from tenants.isolation import depot
from tenants.isolation.depot import StoreUnreachable
from training.engine.sealed import flush
from training.jobs import artifact_cache
from training.jobs.artifact_cache import ROOM, path_of, placing
from training.jobs.bundle_files import (
    MANIFEST,
    ArtifactDamaged,
    check_bundle,
    check_strangers,
    read_manifest,
)

logger = logging.getLogger(__name__)
# Why a bundle cannot be had: it is not whole, the store is away, or this machine's disk is full.
UNREADABLE = (ArtifactDamaged, StoreUnreachable, OSError)

__all__ = [
    "UNREADABLE", "ArtifactDamaged", "StoreUnreachable", "destroy", "fault_of", "path_of", "put",
    "read_manifest", "reading",
]  # fmt: skip


@contextmanager
def reading(tenant_id: UUID, digest: bytes, files: Collection[str] | None = None) -> Iterator[Path]:
    """The bundle's folder, its manifest and `files` (all, when None) checked just now.

    The folder stays while the block lasts, what was mapped from it also behind it. One of
    UNREADABLE where there is none, or not a whole one.
    """
    if depot.is_shared():
        with artifact_cache.held(tenant_id, digest, files) as folder:
            yield folder
        return
    folder = path_of(tenant_id, digest)
    check_bundle(folder, digest, files)
    yield folder


def put(tenant_id: UUID, folder: Path) -> tuple[dict[str, Any], bytes, int]:
    """Copy a checked bundle into the store; its manifest, the manifest's hash, and its bytes.

    The bundle's own folder stays until the job's row says that it is stored. ArtifactDamaged for
    what is no bundle, StoreUnreachable.
    """
    manifest, digest = read_manifest(folder)
    check_strangers(folder, manifest)
    names = [*manifest["files"], MANIFEST]
    size = sum((folder / name).stat().st_size for name in names)
    if depot.is_shared():
        artifact_cache.make_room(size)
    target = path_of(tenant_id, digest)
    if not target.exists():
        with placing(target) as partial:  # on a full disk it would take the room the rest needs
            for name in names:
                shutil.copyfile(folder / name, partial / name)
                flush(partial / name)
    if depot.is_shared():
        _upload(tenant_id, digest, folder, names)
    return manifest, digest, size


def _upload(tenant_id: UUID, digest: bytes, folder: Path, names: list[str]) -> None:
    """All files, the manifest last. Whoever else writes under this name writes the same bytes, for
    the name is their hash: a stale worker can overwrite nothing with something else."""
    where = (tenant_id, ROOM, digest.hex())
    if depot.listing(*where) == {name: (folder / name).stat().st_size for name in names}:
        return
    for name in names:
        depot.upload(folder / name, *where, name)


def destroy(tenant_id: UUID, digest: bytes) -> None:
    """Delete a bundle: its manifest first, so that a half-deleted one does not exist.

    Other machines' copies go when they look what the store still has, see `machine_sweeping`.
    """
    if depot.is_shared():
        depot.remove(tenant_id, ROOM, digest.hex(), MANIFEST)
        depot.remove(tenant_id, ROOM, digest.hex())
    artifact_cache.discard(path_of(tenant_id, digest))


def stored(tenant_id: UUID) -> dict[bytes, dict[str, int]]:
    """Bundles in the shared store, whole or not: bytes of their files, by the manifest's hash."""
    found: dict[bytes, dict[str, int]] = {}
    for path, size in depot.listing(tenant_id, ROOM).items():
        name, _, file = path.partition("/")
        if len(name) == 64 and not set(name) - set("0123456789abcdef"):
            found.setdefault(bytes.fromhex(name), {})[file] = size
    return found


def fault_of(tenant_id: UUID, digest: bytes) -> str:
    """Why a bundle cannot be read here, as a code: artifact_damaged, store_unreachable; "" when it
    can. The log says more: what a store answers is nothing for a page."""
    try:
        with reading(tenant_id, digest):
            return ""
    except UNREADABLE as error:
        logger.warning("bundle %s cannot be read: %s", digest.hex(), error)
        return "artifact_damaged" if isinstance(error, ArtifactDamaged) else "store_unreachable"
