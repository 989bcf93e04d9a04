"""What everybody took up lately, counted once an hour while a version serves, so that its
popularity goes on between two trainings.

Counted are events of people who allow it, as weights of items; one that fewer than FEWEST_SUBJECTS
took up does not rise by it, or it would tell of single people. They lie in Redis; while it is away,
and before the first count, a version keeps the popularity it learnt.
"""

import time
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import numpy as np
from django.core.cache import cache
from django.db.models import Count, Max, Q
from redis import RedisError

from recommend.popular import FEWEST_SUBJECTS
from tenants.behaviour.models import Event
from tenants.behaviour.types.event_types import stored_types
from tenants.behaviour.usable import usable
from tenants.consent.vocabulary import Use
from tenants.isolation.names import shared_name
from tenants.isolation.scope import tenant_scope
from training.engine.bundle import Bundle
from training.engine.lately import WINDOWS, Lately, popularity_of
from training.engine.sources.source import Source
from training.jobs.queries import serving

NAME = "lately"
EVERY_SECONDS = 3_600
_KEPT_SECONDS = 3 * EVERY_SECONDS
_HELD_SECONDS = 60.0  # in this process, without asking Redis again
_MOST_HELD = 64  # versions

_held: dict[tuple[UUID, bytes], tuple[float, Mapping[str, Source]]] = {}


def look(tenant_id: UUID) -> None:
    """Periodic duty: once an hour, count anew where a version serves. A count that fails is not
    tried again before the next hour: of very many events it takes a while."""
    if not cache.add(shared_name(NAME, tenant_id, "counted"), True, EVERY_SECONDS):
        return
    with tenant_scope(tenant_id):
        if serving() is not None:
            cache.set(shared_name(NAME, tenant_id), count(), _KEPT_SECONDS)


def count() -> Lately:
    """The weights of the tenant in scope, in WINDOWS before its newest event."""
    newest = Event.objects.aggregate(at=Max("occurred_at"))["at"]
    if newest is None:
        return Lately(np.empty(0, np.int64), {}, {})
    since = {days: newest - timedelta(days=days) for days in WINDOWS}
    within: dict[str, Count] = {}
    for days, moment in since.items():
        late = Q(occurred_at__gte=moment)
        within[f"acts_{days}"] = Count("dedup", filter=late)
        within[f"people_{days}"] = Count("subject_id", distinct=True, filter=late)
    recent = usable(Use.POPULARITY).filter(occurred_at__gte=min(since.values()))
    rows = list(recent.values_list("item_id", "type").annotate(**within))
    kinds = stored_types().by_code
    items, place = np.unique([row[0] for row in rows], return_inverse=True)
    weight = np.array([kinds[row[1]].weight for row in rows])
    counts = np.array([row[2:] for row in rows], dtype=np.int64).reshape(-1, len(WINDOWS), 2)
    weights, many = {}, {}
    for (acts, people), days in zip(counts.transpose(1, 2, 0), WINDOWS, strict=True):
        weights[days] = np.bincount(place, weight * acts, len(items)).astype(np.float64)
        most = np.zeros(len(items), dtype=np.int64)  # of one type: never more than there were
        np.maximum.at(most, place, people)
        many[days] = most >= FEWEST_SUBJECTS
    return Lately(items.astype(np.int64), weights, many)


def up_to_date(tenant_id: UUID, digest: bytes, bundle: Bundle) -> Bundle:
    """The bundle with the popularity of now, at most a minute later than it was counted."""
    name = (tenant_id, digest)
    until, sources = _held.get(name, (0.0, {}))
    if time.monotonic() >= until:
        sources = _sources(tenant_id, bundle)
        if len(_held) >= _MOST_HELD:
            _held.clear()
        _held[name] = time.monotonic() + _HELD_SECONDS, sources
    return bundle.with_sources(sources)


def _sources(tenant_id: UUID, bundle: Bundle) -> Mapping[str, Source]:
    try:
        lately: Lately | None = cache.get(shared_name(NAME, tenant_id))
    except RedisError:
        return {}
    return popularity_of(bundle, lately) if lately else {}
