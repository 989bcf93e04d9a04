"""Reading meters: a month's sums, days for a chart, and whether a month's limit is reached."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Sum

from tenants.accounts.models import Tenant
from tenants.errors import TooMany
from tenants.isolation.scope import current_tenant
from tenants.metering.meters import METERS
from tenants.metering.models import Usage
from tenants.metering.record import today


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
    limits = Tenant.objects.get(pk=current_tenant()).limits
    limit = getattr(limits, METERS[meter].limit)
    sharing = [each.name for each in METERS.values() if each.limit == METERS[meter].limit]
    if sum(used(sharing).values()) < limit:
        return
    _, after = month_of(today())
    until = datetime.combine(after, time.min, UTC) - datetime.now(UTC)
    raise TooMany(
        "quota_exceeded",
        f"This month's {limit:,} {METERS[meter].unit.replace('_', ' ')} of {meter} are used up. "
        f"They begin anew on {after.isoformat()}; ask the installation's operator for more.",
        retry_after=until.total_seconds(),
        meter=meter,
        limit=limit,
        until=after.isoformat(),
    )
