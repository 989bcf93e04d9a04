"""What an erasure reaches among answers: the popular list that is kept for a minute."""

from django.core.cache import cache
from django.db import transaction
from redis import RedisError

from recommend.popular import NAME
from tenants.audit.actor import Actor
from tenants.erasure.reach import Reach
from tenants.isolation.names import cache_name


class PopularList(Reach):
    """Counts of people by item. It is counted anew once the person's events are gone."""

    name = "popular_list"

    def mark(self, subject_id: int, actor: Actor) -> None:
        name = cache_name(NAME)
        transaction.on_commit(lambda: _forget(name))


def _forget(name: str) -> None:
    try:
        cache.delete(name)
    except RedisError:
        return  # it was to go within the minute anyhow
