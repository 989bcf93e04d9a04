"""What a job uses: the seconds that it holds its devices, metered and put to its tenant's share."""

import time

from django.db.models import F

from tenants.isolation.scope import tenant_scope
from tenants.metering.meters import DEVICE
from tenants.metering.record import count
from tenants.work import queue
from tenants.work.queue import Lease
from training.jobs import budget
from training.jobs.models import Job


class DeviceClock:
    """Meters the seconds that a job holds its devices, as it goes: a killed worker loses little.

    A second of two devices is two."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._counted = time.monotonic()

    def count(self) -> None:
        """Bring what has passed since the last time into the tenant's meter."""
        moment = time.monotonic()
        with tenant_scope(self._lease.tenant_id):
            spent = (moment - self._counted) * Job.objects.get(pk=self._lease.object_id).devices
            Job.objects.filter(pk=self._lease.object_id).update(
                device_seconds=F("device_seconds") + spent
            )
            left = budget.expected_of(Job.objects.get(pk=self._lease.object_id))
            queue.charge(self._lease, spent, left=left)
            count(DEVICE, spent)
        self._counted = moment
