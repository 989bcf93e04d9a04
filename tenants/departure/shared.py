"""Entries of one tenant in Redis: cache, counters, limits. All bear the tenant's id in their name
(`tenants/isolation/names.py`), so one walk finds them, whatever room they are of.
"""

from uuid import UUID

from django.conf import settings
from redis import Redis

WALK = 1000


def forget(tenant_id: UUID) -> int:
    """Delete every entry whose name holds the tenant's id; how many."""
    with Redis.from_url(settings.REDIS_URL) as redis:
        found = list(redis.scan_iter(match=f"*{tenant_id}*", count=WALK))
        return int(redis.unlink(*found)) if found else 0
