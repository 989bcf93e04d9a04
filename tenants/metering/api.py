"""`/v1/usage`: what the tenant used this month, and how far its limits reach."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tenants.access.api import TenantAPIView, TenantRequest
from tenants.access.rights import Right
from tenants.accounts.models import Tenant
from tenants.metering.meters import METERS
from tenants.metering.queries import month_of, reserved, used
from tenants.metering.record import today
from tenants.metering.storage import stored_bytes


class MeterAnswer(serializers.Serializer[Any]):
    """One meter: the month's amount so far, and the plan's limit, null where there is none.

    `events` (stored) and `held_events` (held back for want of consent) share one limit.
    """

    meter = serializers.CharField()
    unit = serializers.CharField()
    used = serializers.FloatField()
    reserved = serializers.FloatField(
        help_text="Spoken for by work that has not ended, beyond what is used."
    )
    limit = serializers.FloatField(allow_null=True)


class RateAnswer(serializers.Serializer[Any]):
    """How often the tenant may ask."""

    requests_per_second = serializers.FloatField()
    burst = serializers.IntegerField()
    at_once = serializers.IntegerField(help_text="Requests under way in one web process.")


class UsageAnswer(serializers.Serializer[Any]):
    """The month in UTC. Requests are counted by the minute."""

    object = serializers.CharField()
    plan = serializers.CharField()
    month_from = serializers.DateField()
    month_until = serializers.DateField(help_text="The first day of the next month.")
    rate = RateAnswer()
    data = MeterAnswer(many=True)  # type: ignore[assignment]


EXAMPLE = OpenApiExample(
    "A month",
    value={
        "object": "usage",
        "plan": "standard",
        "month_from": "2026-11-01",
        "month_until": "2026-12-01",
        "rate": {"requests_per_second": 50.0, "burst": 50, "at_once": 1},
        "data": [
            {
                "meter": "requests",
                "unit": "requests",
                "used": 18231.0,
                "reserved": 0.0,
                "limit": None,
            },
            {
                "meter": "events",
                "unit": "events",
                "used": 706858.0,
                "reserved": 0.0,
                "limit": 50000000.0,
            },
            {
                "meter": "held_events",
                "unit": "events",
                "used": 1204.0,
                "reserved": 0.0,
                "limit": 50000000.0,
            },
            {
                "meter": "device_seconds",
                "unit": "seconds",
                "used": 5021.4,
                "reserved": 94.5,
                "limit": 720000.0,
            },
            {
                "meter": "stored_bytes",
                "unit": "bytes",
                "used": 96468992.0,
                "reserved": 0.0,
                "limit": 21474836480.0,
            },
        ],
    },
    response_only=True,
)


class UsageDetail(TenantAPIView):
    """This month's use of every meter, beside the limits of the plan."""

    rights = {"GET": Right.READ_USAGE}

    @extend_schema(
        operation_id="get_usage", tags=["usage"], responses=UsageAnswer, examples=[EXAMPLE]
    )
    def get(self, request: TenantRequest) -> Response:
        tenant = Tenant.objects.get(pk=request.tenant_id)
        first, after = month_of(today())
        return Response(
            UsageAnswer(
                {
                    "object": "usage",
                    "plan": tenant.plan,
                    "month_from": first,
                    "month_until": after,
                    "rate": tenant.limits,
                    "data": _meters(tenant),
                }
            ).data
        )


def _meters(tenant: Tenant) -> list[dict[str, Any]]:
    amounts = used(METERS)
    limits = tenant.limits
    lines = [
        {
            "meter": meter.name,
            "unit": meter.unit,
            "used": amounts[meter.name],
            "reserved": reserved(meter.name),
            "limit": getattr(limits, meter.limit) if meter.limit else None,
        }
        for meter in METERS.values()
    ]
    stored = {"used": stored_bytes(tenant.id), "reserved": 0.0, "limit": limits.storage_bytes}
    return [*lines, {"meter": "stored_bytes", "unit": "bytes", **stored}]
