"""A tenant's files in the store that machines share, where ARTIFACT_STORE is an address of fsspec.

Every name in it begins with the tenant's id, as every folder's does. What the files hold is for
the caller to check: a store is never believed. With a plain folder nothing here is asked.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from tenants.errors import is_full

# Roots of TENANT_ROOTS whose files are only copies of what the store holds.
COPIES = ("ARTIFACT_ROOT", "JOB_ROOT")


class StoreUnreachable(Exception):
    """The shared store does not answer, or refuses us. What is not there is FileNotFoundError."""


def is_shared() -> bool:
    """Whether machines meet at an address; False where they share a folder, or there is one."""
    return "://" in settings.ARTIFACT_STORE


def own_roots() -> list[str]:
    """Names of the roots that hold what stands nowhere else."""
    return [name for name in settings.TENANT_ROOTS if not (is_shared() and name in COPIES)]


def listing(tenant_id: UUID, *parts: str) -> dict[str, int]:
    """Bytes of every file below, by its name from there on; {} where there is nothing."""
    system, path = _place(tenant_id, *parts)
    try:
        found: dict[str, Any] = _asked(system.find, path, detail=True)
    except FileNotFoundError:
        return {}
    head = path.strip("/") + "/"
    names = {name.strip("/"): facts for name, facts in found.items()}
    return {
        name.removeprefix(head): int(facts["size"] or 0)
        for name, facts in names.items()
        if name.startswith(head)
    }


def read(tenant_id: UUID, *parts: str, most: int) -> bytes:
    """A small file's bytes, `most` + 1 of them where it is larger; FileNotFoundError."""
    system, path = _place(tenant_id, *parts)
    content: bytes = _asked(system.cat_file, path, start=0, end=most + 1)
    return content


def upload(source: Path, tenant_id: UUID, *parts: str) -> None:
    """Copy a file into the store; a file of that name is replaced."""
    system, path = _place(tenant_id, *parts)
    _asked(system.makedirs, path.rpartition("/")[0], exist_ok=True)
    _asked(system.put_file, str(source), path)


def download(target: Path, tenant_id: UUID, *parts: str) -> None:
    """Copy a file out of the store; FileNotFoundError, OSError when the disk is full."""
    system, path = _place(tenant_id, *parts)
    _asked(system.get_file, path, str(target))


def changed_at(tenant_id: UUID, *parts: str) -> datetime:
    """When a file was written; FileNotFoundError."""
    system, path = _place(tenant_id, *parts)
    moment: datetime = _asked(system.modified, path)
    return moment


def remove(tenant_id: UUID, *parts: str) -> None:
    """Delete the file or the folder of that name; nothing where there is none."""
    system, path = _place(tenant_id, *parts)
    try:
        _asked(system.rm, path, recursive=True)
    except FileNotFoundError:
        return


def _place(tenant_id: UUID, *parts: str) -> tuple[AbstractFileSystem, str]:
    # Another machine may have written since we looked last: nothing is remembered.
    opened = _asked(url_to_fs, settings.ARTIFACT_STORE, use_listings_cache=False)
    system, root = opened
    return system, "/".join([root.rstrip("/"), str(tenant_id), *parts])


def _asked(ask: Callable[..., Any], *words: Any, **options: Any) -> Any:
    """What the store answers. Each store has errors of its own, so all become one of ours."""
    try:
        return ask(*words, **options)
    except FileNotFoundError:
        raise
    except Exception as error:  # a library of the store's own raises what it likes
        if is_full(error):
            raise
        raise StoreUnreachable(f"{type(error).__name__}: {error}") from error
