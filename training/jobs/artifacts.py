"""Where finished bundles lie: immutable folders named by the hash of their manifest, per tenant."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from tenants.isolation.names import tenant_folder

MANIFEST = "manifest.json"


class ArtifactDamaged(Exception):
    """A file of the artifact is missing or has other bytes than its manifest says."""


def path_of(tenant_id: UUID, digest: bytes) -> Path:
    """The folder of the bundle whose manifest has this SHA-256."""
    return tenant_folder(settings.ARTIFACT_ROOT, tenant_id) / digest.hex()


def read_manifest(folder: Path) -> tuple[dict[str, Any], bytes]:
    """The manifest and its SHA-256, after every file it names was checked; ArtifactDamaged."""
    try:
        text = (folder / MANIFEST).read_bytes()
        manifest: dict[str, Any] = json.loads(text)
        for name, expected in manifest["files"].items():
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != expected["sha256"]:
                raise ArtifactDamaged(name)
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactDamaged(str(error)) from error
    return manifest, hashlib.sha256(text).digest()


def put(tenant_id: UUID, folder: Path) -> tuple[dict[str, Any], bytes, int]:
    """Copy a checked bundle into the store; its manifest, the manifest's hash, and its bytes.

    The bundle's own folder stays until the job's row says that it is stored.
    """
    manifest, digest = read_manifest(folder)
    target = path_of(tenant_id, digest)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            shutil.copytree(folder, partial)
            os.replace(partial, target)
        except BaseException:  # on a full disk it would take the room that the rest needs
            shutil.rmtree(partial, ignore_errors=True)
            raise
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    return manifest, digest, size


def destroy(tenant_id: UUID, digest: bytes) -> None:
    shutil.rmtree(path_of(tenant_id, digest), ignore_errors=True)
