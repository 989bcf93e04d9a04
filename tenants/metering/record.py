"""Adding to a meter, in the transaction of what is counted, so that the two always agree."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from tenants.isolation.scope import current_tenant
from tenants.metering.meters import METERS

ADD = """
insert into metering_usage as u (tenant_id, day, meter, key_id, amount)
values (%s, %s, %s, %s, %s)
on conflict (tenant_id, day, meter, key_id) do update set amount = u.amount + excluded.amount
"""


def count(
    meter: str, amount: float, *, key_id: UUID | None = None, day: date | None = None
) -> None:
    """Add `amount` (of the meter's unit) to a day, today (UTC) unless given. KeyError: no meter.

    Holds the day's row until the transaction ends: call it last.
    """
    if amount:
        values: list[Any] = [current_tenant(), day or today(), METERS[meter].name, key_id, amount]
        with connection.cursor() as cursor:
            cursor.execute(ADD, values)


def today() -> date:
    return datetime.now(UTC).date()
