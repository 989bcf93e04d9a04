"""How far consent reaches: people known → with any record → usable per purpose, now and by day.

A day is measured once, by the hour at which it is first looked at, and kept: what was usable then
cannot be asked of states that have changed since.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from tenants.consent.models import ConsentState, CoverageDay
from tenants.consent.queries import coverage
from tenants.consent.vocabulary import Purpose
from tenants.isolation.scope import tenant_scope
from tenants.subjects.models import Subject

SHOWN = timedelta(days=90)


@dataclass(frozen=True)
class Funnel:
    """Counts of subjects; `usable` by purpose that the tenant's table names."""

    known: int
    recorded: int
    usable: Mapping[Purpose, int]


def funnel() -> Funnel:
    """The funnel of the tenant in scope, now."""
    found = coverage()
    known = Subject.objects.filter(erased_at=None).count()
    recorded = ConsentState.objects.values("subject_id").distinct().count()
    return Funnel(known, min(recorded, known), {each.purpose: each.subjects for each in found})


def measure(tenant_id: UUID) -> None:
    """Periodic duty: keep today's funnel, once."""
    today = timezone.now().date()
    with tenant_scope(tenant_id):
        if CoverageDay.objects.filter(day=today).exists():
            return
        found = funnel()
        if not found.known:
            return
        CoverageDay.objects.bulk_create(
            [
                CoverageDay(
                    day=today,
                    known=found.known,
                    recorded=found.recorded,
                    usable={purpose.value: count for purpose, count in found.usable.items()},
                )
            ],
            ignore_conflicts=True,
        )


def days_measured() -> list[CoverageDay]:
    """The days of the last 90 that were measured, the oldest first."""
    since = timezone.now().date() - SHOWN
    return list(CoverageDay.objects.filter(day__gt=since).order_by("day"))
