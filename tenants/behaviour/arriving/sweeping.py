"""Destroying upload files that nobody waits for: what a killed process left behind."""

import time
from uuid import UUID

from tenants.behaviour.arriving import vault
from tenants.behaviour.models import Upload
from tenants.isolation.scope import tenant_scope

# A file is written before its row commits; no request takes longer than this.
YOUNGEST_SECONDS = 3600


def sweep(tenant_id: UUID) -> int:
    """Periodic duty: destroy old files without an open upload; returns how many."""
    old = vault.stored_before(tenant_id, time.time() - YOUNGEST_SECONDS)
    if not old:
        return 0
    with tenant_scope(tenant_id):
        waiting = Upload.objects.filter(state__in=Upload.OPEN, id__in=old)
        left = old - set(waiting.values_list("id", flat=True))
    for upload_id in left:
        vault.destroy(tenant_id, upload_id)
    return len(left)
