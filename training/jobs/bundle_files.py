"""What a bundle may consist of, and whether its bytes are what its manifest says.

Asked where a bundle goes into a store and where one comes out: neither side is believed.
"""

import hashlib
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from training.engine.sealed import sha256_of

MANIFEST = "manifest.json"
# Names that a manifest may state: flat, and safetensors or JSON alone.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.(safetensors|json)")
MOST_FILES, MOST_BYTES, MOST_MANIFEST, MOST_HEADER = 100, 32 << 30, 16 << 20, 100 << 20


class ArtifactDamaged(Exception):
    """A file of the bundle is missing, has other bytes than its manifest says, or is none that a
    bundle may hold; the text begins with its name."""


def read_manifest(folder: Path) -> tuple[dict[str, Any], bytes]:
    """The manifest and its SHA-256, after every file it names was checked; ArtifactDamaged."""
    text = _manifest_text(folder)
    manifest = parse_manifest(text)
    check_files(folder, manifest)
    return manifest, hashlib.sha256(text).digest()


def check_bundle(folder: Path, digest: bytes, files: Collection[str] | None = None) -> None:
    """ArtifactDamaged unless the manifest has this SHA-256 and `files` (all, when None) are whole.

    A name in `files` that the manifest does not state is left out: older bundles hold fewer.
    """
    manifest = parse_manifest(_manifest_text(folder), digest)
    check_files(folder, manifest, files)


def parse_manifest(text: bytes, digest: bytes | None = None) -> dict[str, Any]:
    """The manifest in `text`, whose names and sizes a bundle may have; ArtifactDamaged."""
    if digest is not None and hashlib.sha256(text).digest() != digest:
        raise ArtifactDamaged(f"{MANIFEST}: its bytes do not match the bundle's name")
    try:
        manifest: dict[str, Any] = json.loads(text)
        stated = {name: (str(f["sha256"]), int(f["bytes"])) for name, f in _stated(manifest)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactDamaged(f"{MANIFEST}: it cannot be read") from error
    for name in stated:
        if name == MANIFEST or not NAME.fullmatch(name):
            raise ArtifactDamaged(f"{name}: a bundle holds safetensors and JSON alone")
    if len(stated) > MOST_FILES or sum(size for _, size in stated.values()) > MOST_BYTES:
        raise ArtifactDamaged(f"{MANIFEST}: it states more files or bytes than a bundle may have")
    return manifest


def check_files(
    folder: Path, manifest: dict[str, Any], files: Collection[str] | None = None
) -> None:
    """ArtifactDamaged unless `files` of the manifest (all, when None) lie whole in the folder."""
    for name, facts in _stated(manifest):
        if files is None or name in files:
            check_file(folder / name, facts)


def check_file(path: Path, facts: dict[str, Any]) -> None:
    """ArtifactDamaged unless the file has the stated size and hash, and the form of its name."""
    try:
        if path.is_symlink() or path.stat().st_size != facts["bytes"]:
            raise ArtifactDamaged(f"{path.name}: missing or of the wrong size")
        found = sha256_of(path)
    except OSError as error:
        raise ArtifactDamaged(f"{path.name}: {error.strerror}") from error
    if found != facts["sha256"]:
        raise ArtifactDamaged(f"{path.name}: its bytes do not match the manifest")
    if path.suffix == ".safetensors" and not _is_safetensors(path):
        raise ArtifactDamaged(f"{path.name}: it is no safetensors file")


def check_strangers(folder: Path, manifest: dict[str, Any]) -> None:
    """ArtifactDamaged when something lies in the folder that the manifest does not state."""
    stated = {MANIFEST, *manifest["files"]}
    for path in sorted(folder.iterdir()):
        if path.name not in stated:
            raise ArtifactDamaged(f"{path.name}: the manifest does not state it")


def _stated(manifest: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return list(manifest["files"].items())


def _manifest_text(folder: Path) -> bytes:
    try:
        with (folder / MANIFEST).open("rb") as file:
            text = file.read(MOST_MANIFEST + 1)
    except OSError as error:
        raise ArtifactDamaged(f"{MANIFEST}: {error.strerror}") from error
    if len(text) > MOST_MANIFEST:
        raise ArtifactDamaged(f"{MANIFEST}: it is too large")
    return text


def _is_safetensors(path: Path) -> bool:
    """A length of eight bytes, then a JSON object; what follows is plain numbers."""
    with path.open("rb") as file:
        head = file.read(9)
    return len(head) == 9 and int.from_bytes(head[:8], "little") < MOST_HEADER and head[8:] == b"{"
