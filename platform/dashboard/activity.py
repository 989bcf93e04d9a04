"""What the overview counts: events per day, active subjects per week, what is stored.

Charts are a use of behaviour data like any other: only subjects who consent to statistics are in
them, and numbers about fewer than ten of these come back as None.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate, TruncWeek
from django.utils import timezone

from dashboard.small_groups import hidden
from tenants.behaviour.models import Event, Item
from tenants.behaviour.usable import usable
from tenants.consent.vocabulary import Use
from tenants.subjects.models import Subject

DAYS = 84
WEEKS = 26


@dataclass(frozen=True)
class Stored:
    """How much there is. `last_event_at` is None before the first event."""

    events: int
    items: int
    subjects: int
    last_event_at: datetime | None


@dataclass(frozen=True)
class Line:
    """Starts of days or weeks without gaps, and a number for each; None is a hidden small group."""

    starts: list[date]
    counts: list[int | None]


def stored() -> Stored:
    """The tenant's stock, whatever it may be used for."""
    latest = Event.objects.order_by("-occurred_at").values_list("occurred_at", flat=True).first()
    return Stored(
        events=Event.objects.count() if latest else 0,
        items=Item.objects.count(),
        subjects=Subject.objects.filter(erased_at=None).count(),
        last_event_at=latest,
    )


def events_per_day(last: datetime) -> Line:
    """Events of the DAYS up to `last`'s day, in the active time zone."""
    end = timezone.localtime(last).date()
    start = end - timedelta(days=DAYS - 1)
    rows = (
        _countable(start)
        .annotate(start=TruncDate("occurred_at"))
        .values("start")
        .annotate(n=Count("*"), people=Count("subject_id", distinct=True))
        .values_list("start", "n", "people")
    )
    return _line(_every(start, DAYS, 1), rows)


def active_subjects_per_week(last: datetime) -> Line:
    """Distinct subjects of the WEEKS (from Monday) up to the week before `last`'s week ends."""
    end = timezone.localtime(last).date()
    start = end - timedelta(days=end.weekday(), weeks=WEEKS - 1)
    rows = (
        _countable(start)
        .annotate(start=TruncWeek("occurred_at"))
        .values("start")
        .annotate(people=Count("subject_id", distinct=True))
        .values_list("start", "people", "people")
    )
    return _line(_every(start, WEEKS, 7), ((at.date(), n, people) for at, n, people in rows))


def _countable(start: date) -> QuerySet[Event]:
    begin = timezone.make_aware(datetime.combine(start, datetime.min.time()))
    return usable(Use.CHARTS).filter(occurred_at__gte=begin).order_by()


def _every(start: date, count: int, days: int) -> list[date]:
    return [start + timedelta(days=days * index) for index in range(count)]


def _line(starts: list[date], rows: Iterable[tuple[date, int, int]]) -> Line:
    found = {start: None if hidden(people) else count for start, count, people in rows}
    return Line(starts, [found.get(start, 0) for start in starts])
