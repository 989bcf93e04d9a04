"""What becomes of tainted versions: a clean one is trained, then their weights are destroyed.

What still serves keeps its weights until a clean version has taken its place, at most until its
deadline; whatever serves nothing loses them at once, unless it may yet be published.
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.isolation.depot import StoreUnreachable
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease
from training.jobs import artifacts, erasing
from training.jobs.automatic import retrain_tainted
from training.jobs.models import Job, Publication, Snapshot, Version
from training.jobs.taints import TAINTS, is_refused

logger = logging.getLogger(__name__)
ACTOR = system("replacing")
# Where many leave, what they leave is made up for once a day; and a training that fails is not
# tried again at once.
PAUSE = timedelta(days=1)


def run(lease: Lease) -> None:
    """Worker function of `weights`."""
    with kept_alive(lease):
        look(lease.tenant_id)
    with tenant_scope(lease.tenant_id):
        queue.finish(lease)


def look(tenant_id: UUID) -> None:
    """Periodic duty: destroy what must go, and see that a clean version comes."""
    try:
        _destroy_data(tenant_id)
        _destroy_weights(tenant_id)
    except (StoreUnreachable, erasing.StillRunning):
        logger.exception("what tainted versions of tenant %s leave is destroyed later", tenant_id)
    with tenant_scope(tenant_id):
        for publication in Publication.objects.select_related("version"):
            if wants_retraining(publication.version):
                retrain_tainted(version=publication.version)


def wants_retraining(served: Version) -> bool:
    """Whether a clean version is to be trained: none waits for a person, none was just tried."""
    if served.tainted_at is None:
        return False
    later = Version.objects.filter(task=served.task, number__gt=served.number)
    if later.filter(taint="", state__in=(Version.EVALUATED, Version.APPROVED)).exists():
        return False
    return not Job.objects.filter(trigger="taint", created_at__gt=now() - PAUSE).exists()


def _destroy_data(tenant_id: UUID) -> None:
    """Frozen data that were told to be gone and whose files lie here yet."""
    with tenant_scope(tenant_id):
        gone = Snapshot.objects.exclude(taint="").exclude(destroyed_at=None)
        jobs = list(Job.objects.filter(snapshot__in=gone).values_list("id", flat=True))
    for job_id in jobs:
        erasing.destroy_data(tenant_id, job_id)


def _destroy_weights(tenant_id: UUID) -> None:
    with tenant_scope(tenant_id):
        serving = {row.version_id for row in Publication.objects.all()}
        tainted = Version.objects.exclude(taint="").exclude(state__in=Version.GONE)
        doomed = [one for one in tainted.order_by("number") if _must_go(one, serving)]
    for version in doomed:
        _destroy(tenant_id, version)


def _must_go(version: Version, serving: set[UUID]) -> bool:
    if is_refused(version):
        return True
    return version.pk not in serving and not TAINTS[version.taint].publishable


def _destroy(tenant_id: UUID, version: Version) -> None:
    """Files first: a row that says they are gone must be right."""
    digest = bytes(version.manifest_sha256)
    with tenant_scope(tenant_id):
        others = Version.objects.filter(manifest_sha256=digest, taint="").exclude(pk=version.pk)
        shared = others.exists()
    if not shared:
        artifacts.destroy(tenant_id, digest)
    with tenant_scope(tenant_id):
        version = Version.objects.select_for_update().get(pk=version.pk)
        if version.is_gone:
            return
        now_serving = Publication.objects.select_related("version").filter(task=version.task)
        replaced = any(
            one.version_id != version.pk and not one.version.taint for one in now_serving
        )
        version.state = Version.REPLACED if replaced else Version.RETIRED
        version.destroyed_at = now()
        version.save(update_fields=["state", "destroyed_at"])
        record(
            AuditEvent.VERSION_DESTROYED,
            actor=ACTOR,
            object_id=version.public_id,
            object_version=str(version.number),
            details={"cause": version.taint, "state": version.state},
        )
