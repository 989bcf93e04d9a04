"""The tenant's own calendar, by which the days of requests are counted."""

from datetime import date
from zoneinfo import ZoneInfo

from django.utils.timezone import now

from tenants.accounts.models import Tenant
from tenants.isolation.scope import current_tenant


def today() -> date:
    """The day it is now where the tenant of the scope keeps its calendar."""
    zone = Tenant.objects.values_list("timezone", flat=True).get(id=current_tenant())
    return now().astimezone(ZoneInfo(zone)).date()
