"""What the shared store keeps of a tenant's jobs, sealed anew under the current master key."""

from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from django.conf import settings

from tenants.isolation import depot
from tenants.isolation.keys import tenant_keys
from tenants.isolation.vault import opened, opens, sealing
from training.jobs.carrying import ROOM, context_of


def reseal(tenant_id: UUID) -> None:
    """A step of a key's rotation: what the current key opens is left alone, and what no key opens
    too (it is damaged, and whoever needs it is told so). StoreUnreachable."""
    if not depot.is_shared():
        return
    for name in depot.listing(tenant_id, ROOM):
        job_id, _, file = name.partition("/")
        _reseal_one(tenant_id, UUID(job_id), file)


def _reseal_one(tenant_id: UUID, job_id: UUID, name: str) -> None:
    current, *older = tenant_keys(tenant_id, "jobs")
    context = context_of(job_id, name)
    Path(settings.JOB_ROOT).mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.JOB_ROOT, prefix=".reseal") as folder:
        before, after = Path(folder) / "before", Path(folder) / "after"
        depot.download(before, tenant_id, ROOM, str(job_id), name)
        if opens(before, current, context):
            return
        for key in older:
            if opens(before, key, context):
                with sealing(after, current, context) as sealed:
                    for piece in opened(before, key, context):
                        sealed.write(piece)
                depot.upload(after, tenant_id, ROOM, str(job_id), name)
                return
