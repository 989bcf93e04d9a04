"""The duty that brings the requests counted in Redis into the meters.

Redis holds each day's running total, so this writes totals, not differences: done twice or killed
half way it still adds up.
"""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max

from tenants.access.rates import COUNTED, RATES
from tenants.isolation.scope import current_tenant, tenant_scope
from tenants.metering.models import Usage
from tenants.metering.record import today

SET = """
insert into metering_usage as u (tenant_id, day, meter, key_id, amount)
values (%s, %s, %s, %s, %s)
on conflict (tenant_id, day, meter, key_id)
do update set amount = greatest(u.amount, excluded.amount)
"""


def bring_in(tenant_id: UUID) -> None:
    """Each day's requests by key, answered and refused, since the last day that was brought in."""
    for day in _days(tenant_id):
        totals = RATES.counted(tenant_id, day)
        if totals:
            with tenant_scope(tenant_id), connection.cursor() as cursor:
                rows: list[list[Any]] = [
                    [current_tenant(), day, meter, key_id, float(amount)]
                    for (meter, key_id), amount in sorted(totals.items())
                    if meter in COUNTED
                ]
                cursor.executemany(SET, rows)


def _days(tenant_id: UUID) -> list[date]:
    with tenant_scope(tenant_id):
        newest = Usage.objects.filter(meter__in=COUNTED).aggregate(day=Max("day"))["day"]
    first = min(newest or today(), today() - timedelta(days=1))
    return [first + timedelta(days=n) for n in range((today() - first).days + 1)]
