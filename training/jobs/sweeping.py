"""What the shared store keeps of a tenant though nothing refers to it: destroyed once an hour.

It is left there when a worker dies between two steps, loses its job, or finds the store away.
"""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.core.cache import cache
from django.utils.timezone import now

from tenants.isolation import depot
from tenants.isolation.names import cache_name
from tenants.isolation.scope import tenant_scope
from training.jobs import artifacts, carrying, life
from training.jobs.artifact_cache import ROOM
from training.jobs.models import Job, Version

EVERY_SECONDS = 3600
# A bundle whose version is not told of yet may still be on its way.
UNTOLD = timedelta(days=1)


def sweep(tenant_id: UUID) -> None:
    """A duty of every tenant; StoreUnreachable ends it until the next hour."""
    if not depot.is_shared():
        return
    with tenant_scope(tenant_id):
        if not cache.add(cache_name("swept"), 1, EVERY_SECONDS):
            return
    sweep_now(tenant_id)


def sweep_now(tenant_id: UUID) -> None:
    """Destroy data and states of jobs that may keep none, and bundles of no version."""
    of_jobs = ids_among(name.partition("/")[0] for name in depot.listing(tenant_id, carrying.ROOM))
    bundles = artifacts.stored(tenant_id)
    with tenant_scope(tenant_id):
        kept = kept_jobs(of_jobs)
        ended = set(Job.objects.filter(state__in=life.ENDED).values_list("id", flat=True))
        told = {bytes(one) for one in Version.objects.values_list("manifest_sha256", flat=True)}
    for job_id in of_jobs - kept:
        carrying.forget(tenant_id, job_id)
    for job_id in of_jobs & kept & ended:
        carrying.forget_states(tenant_id, job_id)
    for digest in bundles.keys() - told:
        if _is_old(tenant_id, digest, bundles[digest]):
            artifacts.destroy(tenant_id, digest)


def kept_jobs(job_ids: set[UUID]) -> set[UUID]:
    """Those of the tenant in scope whose data may be kept: not cancelled, and not destroyed."""
    kept = Job.objects.filter(pk__in=job_ids, snapshot__destroyed_at=None)
    return set(kept.exclude(state=life.CANCELLED).values_list("id", flat=True))


def ids_among(names: Iterable[str]) -> set[UUID]:
    """Those names that are ids; whatever else lies there is none of ours."""
    found = set()
    for name in names:
        try:
            found.add(UUID(name))
        except ValueError:
            continue
    return found


def _is_old(tenant_id: UUID, digest: bytes, files: dict[str, int]) -> bool:
    try:
        newest = max(depot.changed_at(tenant_id, ROOM, digest.hex(), name) for name in files)
    except FileNotFoundError:  # destroyed meanwhile
        return False
    return newest < now() - UNTOLD
