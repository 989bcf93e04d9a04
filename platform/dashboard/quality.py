"""What the quality page counts: what came when, how full the data are, and how they changed.

Like every chart, acts are counted of people who consent to statistics alone, and asked for anew at
each look: nothing is kept, so that a withdrawal counts at once. Four questions over half a year at
most and one over the catalogue; SQL sums, no row leaves the database.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q
from django.utils import timezone

from dashboard.drift import Cell, Drift, drift_of
from dashboard.small_groups import hidden
from tenants.behaviour.models import EventBatch, Item, QuarantinedRow, Upload
from tenants.behaviour.usable import usable
from tenants.consent.vocabulary import Use
from training.jobs.allowed import whole_tenant

HALF_YEAR = timedelta(weeks=26)
QUARTER = timedelta(weeks=12)
MONTH = timedelta(weeks=4)  # whole weeks: a month has as many Sundays as the one before
SPANS = {"day": (84, 1), "week": (26, 7)}  # step -> how many, and days in each
# Sums of a million acts by person and item fit, so that they are not sorted on the disk.
MEMORY = "set local work_mem = '64MB'"

ARRIVALS = """
select start, type, sum(n)::bigint, count(*) from (
    select {start} as start, type, subject_id, count(*) as n from ({events}) e group by 1, 2, 3
) each group by 1, 2"""
STARTS = {
    "day": "(occurred_at at time zone %(zone)s)::date",
    "week": "date_trunc('week', occurred_at at time zone %(zone)s)::date",
}
MONTHS = """
with each as materialized (
    select occurred_at > %(middle)s as recent, type, subject_id, item_id, count(*) as n
    from ({events}) e group by 1, 2, 3, 4
), named as (
    select recent, type, subject_id, n, i.category,
        i.title = '' and i.text = '' and i.category = '' as blank
    from each join behaviour_item i on i.id = each.item_id
)
select recent, grouping(type, category, blank) as kind, type, category, blank,
    sum(n)::bigint, count(distinct subject_id)
from named group by grouping sets ((recent, type), (recent, category), (recent, blank), (recent))"""
# Which of the three a row of MONTHS is about: PostgreSQL sets the bit of each that it is not.
BY_TYPE, BY_CATEGORY, BY_BLANK, IN_ALL = 0b011, 0b101, 0b110, 0b111
PEOPLE = """
select count(*), coalesce(sum(n), 0)::bigint,
    percentile_disc(0.5) within group (order by n), count(*) filter (where n < 3),
    count(*) filter (where first > %(middle)s),
    count(*) filter (where first > %(before)s and first <= %(middle)s)
from (
    select subject_id, count(*) as n, min(occurred_at) as first from ({events}) e group by 1
) each"""
PAIRS = """
with pairs as materialized (select subject_id, item_id from ({events}) e group by 1, 2)
select (select count(*) from pairs), (select count(*) from (select from pairs group by subject_id)),
    (select count(*) from (select from pairs group by item_id))"""


@dataclass(frozen=True)
class Arrivals:
    """Starts of days or weeks without gaps; per type (stored code) its acts at each start and how
    many people did them."""

    step: str
    starts: list[date]
    types: dict[int, list[Cell]]


@dataclass(frozen=True)
class Density:
    """Of half a year: people and their acts; typical: acts of the person in the middle; slight:
    people with fewer than three. Of the last twelve weeks: the items that were met, and of all
    pairs of a person who acted and such an item the share that there is any act of."""

    people: int
    acts: int
    typical: int
    slight: int
    items: int
    filled: float


@dataclass(frozen=True)
class Changes:
    """The last four weeks against the four before; None where too few people acted.
    blank: the acts of the last four weeks on items of which nothing but the id is known, and all
    acts; None where either is a small group."""

    types: Drift | None
    categories: Drift | None
    newcomers: Drift | None
    blank: tuple[int, int] | None


@dataclass(frozen=True)
class Catalogue:
    """How many items there are, and how many have each of the things that models read."""

    items: int
    has: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Freshness:
    """When data last came in; None where they never did. waiting: rows held back for consent."""

    file_at: datetime | None
    stream_at: datetime | None
    waiting: int


def latest() -> datetime | None:
    """When the last act happened that may be counted; None where there is none."""
    acts = usable(Use.CHARTS).order_by("-occurred_at")
    return acts.values_list("occurred_at", flat=True).first()


def arrivals(last: datetime, step: str) -> Arrivals:
    """What came by type, by "day" or "week", up to `last`, in the active time zone."""
    count, days = SPANS[step]
    end = timezone.localtime(last).date()
    if step == "week":
        end -= timedelta(days=end.weekday())
    first = end - timedelta(days=days * (count - 1))
    since = timezone.make_aware(datetime.combine(first, datetime.min.time()))
    zone = timezone.get_current_timezone_name()
    starts = [first + timedelta(days=days * index) for index in range(count)]
    place = {start: index for index, start in enumerate(starts)}
    types: dict[int, list[Cell]] = {}
    for start, kind, acts, people in _asked(ARRIVALS, since, start=STARTS[step], zone=zone):
        types.setdefault(kind, [Cell(0, 0)] * count)[place[start]] = Cell(acts, people)
    return Arrivals(step, starts, types)


def measure(last: datetime) -> tuple[Density, Changes]:
    """How full the data are, and how the last month differs."""
    middle, before = last - MONTH, last - 2 * MONTH
    ((people, acts, typical, slight, fresh, earlier),) = _asked(
        PEOPLE, last - HALF_YEAR, middle=middle, before=before
    )
    ((pairs, met_by, items),) = _asked(PAIRS, last - QUARTER)
    cells: dict[tuple[int, bool], dict[Hashable, Cell]] = {}
    for recent, kind, *names, n, who in _asked(MONTHS, before, middle=middle):
        name = {BY_TYPE: names[0], BY_CATEGORY: names[1], BY_BLANK: names[2]}.get(kind)
        cells.setdefault((kind, recent), {})[name] = Cell(n, who)
    active = tuple(
        cells.get((IN_ALL, recent), {}).get(None, Cell(0, 0)).people for recent in (True, False)
    )
    filled = pairs / (met_by * items) if items else 0.0
    density = Density(people, acts, typical or 0, slight, items, filled)
    return density, _changes(cells, (active[0], active[1]), (fresh, earlier))


def _changes(
    cells: dict[tuple[int, bool], dict[Hashable, Cell]],
    active: tuple[int, int],
    fresh: tuple[int, int],
) -> Changes:
    def by(kind: int) -> Drift | None:
        return drift_of(cells.get((kind, True), {}), cells.get((kind, False), {}), active)

    def coming(new: int, all_: int) -> dict[Hashable, Cell]:
        return {"new": Cell(new, new), "returning": Cell(all_ - new, all_ - new)}

    blank = cells.get((BY_BLANK, True), {})
    told = [blank.get(kind, Cell(0, 0)) for kind in (True, False)]
    few = any(hidden(cell.people) for cell in told)
    return Changes(
        types=by(BY_TYPE),
        categories=by(BY_CATEGORY),
        newcomers=drift_of(coming(fresh[0], active[0]), coming(fresh[1], active[1]), active),
        blank=None if few else (told[0].acts, told[0].acts + told[1].acts),
    )


def catalogue() -> Catalogue:
    """How much is known of the items."""
    counted = Item.objects.aggregate(
        items=Count("*"),
        title=Count("id", filter=~Q(title="")),
        text=Count("id", filter=~Q(text="")),
        category=Count("id", filter=~Q(category="")),
        price=Count("price"),
    )
    return Catalogue(counted.pop("items"), counted)


def freshness() -> Freshness:
    """When a file was last processed and an event last streamed in."""
    done = Upload.objects.filter(kind=Upload.EVENTS, state=Upload.DONE)
    return Freshness(
        file_at=done.aggregate(at=Max("finished_at"))["at"],
        stream_at=EventBatch.objects.aggregate(at=Max("received_at"))["at"],
        waiting=QuarantinedRow.objects.count(),
    )


def _asked(question: str, since: datetime, *, start: str = "", **params: Any) -> list[Any]:
    """The rows that answer a question of this file over the countable events after `since`."""
    events = usable(Use.CHARTS).filter(occurred_at__gt=since).order_by()
    columns = events.values("subject_id", "item_id", "type", "occurred_at")
    inner, given = columns.query.sql_with_params()
    # The events' own values take their places by name, as those of the question do.
    named = {f"given_{index}": value for index, value in enumerate(given)}
    events_sql = inner % tuple(f"%({name})s" for name in named)
    with whole_tenant() as cursor:
        cursor.execute(MEMORY)
        cursor.execute(question.format(events=events_sql, start=start), {**named, **params})
        return list(cursor.fetchall())
