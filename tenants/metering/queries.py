"""Reading meters: a month's sums, what is reserved beside them, and whether a limit is reached."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.utils.module_loading import import_string

from tenants.accounts.plans import Plan, limits_of
from tenants.errors import TooMany
from tenants.isolation.scope import current_tenant
from tenants.metering.meters import METERS
from tenants.metering.models import Usage
from tenants.metering.record import today

AMOUNT = """
select (select coalesce(sum(u.amount), 0) from metering_usage u
    where u.meter = any(%s) and u.day >= %s and u.day < %s), t.plan, t.granted::text
from accounts_tenant t where t.id = %s
"""


def month_of(day: date) -> tuple[date, date]:
    """The first day of the month and the first of the next."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)


def used(meters: Iterable[str], day: date | None = None) -> dict[str, float]:
    """Each meter's sum over the month of `day` (today's, in UTC); 0 for one without an entry."""
    first, after = month_of(day or today())
    rows = (
        Usage.objects.filter(meter__in=list(meters), day__gte=first, day__lt=after)
        .values_list("meter")
        .annotate(total=Sum("amount"))
    )
    found = dict(rows)
    return {meter: float(found.get(meter, 0.0)) for meter in meters}


def check_month(meter: str) -> None:
    """TooMany (`quota_exceeded`) when this month's limit of the tenant in scope is reached.

    It is reached by all meters that share the limit, together.
    """
    amount, limit = _amount_and_limit(meter)
    if amount < limit:
        return
    after, wait = _next_month()
    raise TooMany(
        "quota_exceeded",
        f"This month's {limit:,} {METERS[meter].unit.replace('_', ' ')} of {meter} are used up. "
        f"They begin anew on {after.isoformat()}; ask the installation's operator for more.",
        retry_after=wait,
        meter=meter,
        limit=limit,
        until=after.isoformat(),
    )


def reserved(meter: str) -> float:
    """How much of the meter is spoken for beyond what was used: by work that is under way."""
    dotted = settings.METER_RESERVATIONS.get(meter)
    return float(import_string(dotted)()) if dotted else 0.0


def check_room(meter: str, amount: float = 1.0, *, own: float = 0.0) -> None:
    """TooMany (`over_budget`) when used, reserved and `amount` together pass this month's limit.

    `amount` is in the meter's unit; without one, that anything is left at all. `own` is what of the
    reservations is for this same work.
    """
    taken, limit = _amount_and_limit(meter)
    held = max(0.0, reserved(meter) - own)
    if taken + held + amount <= limit:
        return
    after, wait = _next_month()
    unit = METERS[meter].unit.replace("_", " ")
    raise TooMany(
        "over_budget",
        f"This needs about {amount:,.0f} {unit} of {meter}. Of this month's {limit:,}, "
        f"{taken:,.0f} are used and {held:,.0f} reserved for open work. Wait until that ends or is "
        f"cancelled; the month ends on {after.isoformat()}.",
        retry_after=wait,
        meter=meter,
        amount=round(amount),
        used=round(taken),
        reserved=round(held),
        limit=limit,
        until=after.isoformat(),
    )


def _amount_and_limit(meter: str) -> tuple[float, float]:
    """This month's sum of all meters that share the limit, and the limit."""
    sharing = [each.name for each in METERS.values() if each.limit == METERS[meter].limit]
    first, after = month_of(today())
    amount, limits = amount_and_limits(sharing, first, after)
    return amount, getattr(limits, METERS[meter].limit)


def amount_and_limits(meters: Iterable[str], first: date, after: date) -> tuple[float, Plan]:
    """The sum of these meters from a day to before another, and the limits of the tenant in scope:
    one question, for it is asked with every streamed event.
    """
    with connection.cursor() as cursor:
        cursor.execute(AMOUNT, [list(meters), first, after, current_tenant()])
        amount, plan, granted = cursor.fetchone()
    return amount, limits_of(plan, json.loads(granted))


def _next_month() -> tuple[date, float]:
    """The first day of the next month, and the seconds until then."""
    _, after = month_of(today())
    until = datetime.combine(after, time.min, UTC) - datetime.now(UTC)
    return after, until.total_seconds()
