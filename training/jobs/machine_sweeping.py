"""What this machine still has of things that were destroyed elsewhere: copies of bundles that the
shared store holds no more, folders of cancelled jobs, of erased data and of tenants that are gone.

Every worker does it for its machine, for no other process can reach a machine's disk.
"""

import logging
import shutil
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import UUID

from celery import bootsteps
from django.conf import settings
from django.db import connection

from tenants.isolation import depot
from tenants.isolation.models import KnownTenant
from tenants.isolation.scope import tenant_scope
from training.jobs import artifacts, child
from training.jobs.artifact_cache import PARTIAL, discard, discard_unread
from training.jobs.bundle_files import MANIFEST
from training.jobs.sweeping import kept_jobs

logger = logging.getLogger(__name__)
EVERY_SECONDS = 3600.0
# What bears a dot is on its way in or out; after so long it was left by a killed process.
LEFT_SECONDS = 86_400.0


class Sweeper(bootsteps.StartStopStep):
    """A thread of each worker that sweeps its machine at the start and once an hour."""

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._done = Event()

    def include_if(self, parent: Any) -> bool:
        """Where machines share folders, whoever destroys reaches all of it."""
        return depot.is_shared()

    def start(self, parent: Any) -> None:
        Thread(target=self._run, name="sweeper", daemon=True).start()

    def stop(self, parent: Any) -> None:
        self._done.set()

    def _run(self) -> None:
        while True:
            try:
                sweep_machine()
            except Exception:  # whatever broke, the next hour looks again
                logger.exception("this machine was not swept")
            finally:
                connection.close()
            if self._done.wait(EVERY_SECONDS):
                return


def sweep_machine() -> None:
    """Remove what must not be here any more; StoreUnreachable, and nothing more is removed then."""
    bundles, jobs = _folders(Path(settings.ARTIFACT_ROOT)), _folders(Path(settings.JOB_ROOT))
    # Asked after the folders: what a row allows is written behind the row.
    known = set(KnownTenant.objects.values_list("tenant_id", flat=True))
    for tenant_id, folder in [*bundles, *jobs]:
        if tenant_id not in known:
            shutil.rmtree(folder, ignore_errors=True)
    for tenant_id, folder in bundles:
        if tenant_id in known:
            _sweep_bundles(tenant_id, folder)
    for tenant_id, folder in jobs:
        if tenant_id in known:
            _sweep_jobs(tenant_id, folder)


def _sweep_bundles(tenant_id: UUID, folder: Path) -> None:
    here = list(folder.iterdir())
    stored = artifacts.stored(tenant_id).items()
    there = {digest.hex() for digest, files in stored if MANIFEST in files}
    for path in here:
        if path.suffix == PARTIAL:
            discard_unread(path)
        elif path.name not in there:
            discard(path)


def _sweep_jobs(tenant_id: UUID, folder: Path) -> None:
    jobs = dict(_folders(folder))
    with tenant_scope(tenant_id):
        kept = kept_jobs(set(jobs))
    for job_id in jobs.keys() - kept:
        shutil.rmtree(jobs[job_id], ignore_errors=True)
    for path in folder.glob(".*"):
        with suppress(FileNotFoundError):  # moved or removed just now
            old = path.stat().st_mtime < time.time() - LEFT_SECONDS
            if old and not child.is_occupied(path):
                shutil.rmtree(path, ignore_errors=True)


def _folders(root: Path) -> list[tuple[UUID, Path]]:
    """Folders below that bear an id as their name."""
    found = []
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        try:
            found.append((UUID(path.name), path))
        except ValueError:  # none of ours
            continue
    return found
