"""What is bought most of late, for a tenant that has no published version yet."""

from datetime import timedelta

from django.core.cache import cache
from django.db.models import Count, Max
from redis import RedisError

from tenants.behaviour.models import Event
from tenants.behaviour.usable import usable
from tenants.consent.vocabulary import Use
from tenants.isolation.names import cache_name
from training.engine.bundle import Ranked, Reason

WINDOW = timedelta(days=30)
KEPT_SECONDS = 60
FEWEST_SUBJECTS = 10
MOST = 200
NAME = "popular"


def ranking(limit: int) -> list[Ranked]:
    """Items by how many consenting subjects acted on them in the last 30 days of data.

    Counts under FEWEST_SUBJECTS are left out: they would tell of single people.
    """
    counts = _kept()
    reason = Reason("popular_now", {"window_days": WINDOW.days})
    return [Ranked(item, float(count), reason, {}) for item, count in counts[:limit]]


def _kept() -> list[tuple[int, int]]:
    """The counts of a minute ago at most; counted at every answer while Redis is away."""
    name = cache_name(NAME)
    try:
        counts: list[tuple[int, int]] | None = cache.get(name)
        if counts is None:
            counts = _count()
            cache.set(name, counts, KEPT_SECONDS)
    except RedisError:
        return _count()
    return counts


def _count() -> list[tuple[int, int]]:
    newest = Event.objects.aggregate(at=Max("occurred_at"))["at"]
    if newest is None:
        return []
    recent = usable(Use.POPULARITY).filter(occurred_at__gt=newest - WINDOW)
    counted = (
        recent.values("item_id")
        .annotate(people=Count("subject_id", distinct=True))
        .filter(people__gte=FEWEST_SUBJECTS)
        .order_by("-people", "item_id")
    )
    return [(row["item_id"], row["people"]) for row in counted[:MOST]]
