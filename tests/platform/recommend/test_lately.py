"""What people take up while a version serves becomes popular in its answers, by those alone who
allow that they are counted."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client
from redis import ConnectionError as RedisAway

from recommend import lately
from tenants.behaviour.arriving.accepting import accept_upload
from tenants.behaviour.models import Item, Upload
from tenants.consent.services import set_flag
from tenants.isolation.names import shared_name
from tenants.subjects.directory import find
from tenants.work.run import run_waiting
from tests import shop
from tests.stocked import make_serving
from training.engine.lately import Lately

PEOPLE = range(12)
RARE = "item-29"


@pytest.fixture(scope="module")
def shopkeeper(made_once, artifact):
    return make_serving(PEOPLE, artifact)


@pytest.fixture(autouse=True)
def nothing_counted(shopkeeper, bob):
    yield
    for business in (shopkeeper, bob):
        name = shared_name(lately.NAME, business.tenant.id)
        cache.delete_many([name, shared_name(lately.NAME, business.tenant.id, "counted")])
    lately._held.clear()


def popular(business) -> list[str]:
    reply = Client().get(
        "/v1/recommendations", {"user_id": "nobody", "limit": 3}, headers=business.headers
    )
    assert reply.status_code == 200, reply.content
    return [line["item_id"] for line in reply.json()["data"]]


def take_up(business, people) -> None:
    """Forty purchases of RARE by each of the people, within the last hour."""
    moments = [datetime.now(UTC) - timedelta(minutes=minute) for minute in range(1, 41)]
    rows = "\n".join(
        f"{shop.user(person)},{RARE},purchase,{moment.isoformat()}"
        for person in people
        for moment in moments
    )
    content = f"user_id,item_id,type,occurred_at\n{rows}\n".encode()
    with business.scope:
        accept_upload(kind=Upload.EVENTS, name="e.csv", chunks=[content], actor=business.actor)
        run_waiting("default")


def count_anew(business) -> None:
    cache.delete(shared_name(lately.NAME, business.tenant.id, "counted"))
    lately._held.clear()
    lately.look(business.tenant.id)


def test_what_is_taken_up_while_a_version_serves_becomes_popular(shopkeeper):
    before = popular(shopkeeper)
    take_up(shopkeeper, PEOPLE)
    assert popular(shopkeeper) == before and before[0] != RARE
    count_anew(shopkeeper)
    assert popular(shopkeeper)[0] == RARE


def test_what_few_people_take_up_does_not_rise(shopkeeper):
    before = popular(shopkeeper)
    take_up(shopkeeper, PEOPLE[:3])
    count_anew(shopkeeper)
    assert popular(shopkeeper) == before
    take_up(shopkeeper, PEOPLE[3:])
    count_anew(shopkeeper)
    assert popular(shopkeeper)[0] == RARE != before[0]


def test_who_objects_is_no_longer_counted(shopkeeper):
    take_up(shopkeeper, PEOPLE)
    count_anew(shopkeeper)
    assert popular(shopkeeper)[0] == RARE
    with shopkeeper.scope:
        for person in PEOPLE[3:]:
            told = {"subject_id": find(shop.user(person)).id, "actor": shopkeeper.actor}
            set_flag(**told, kind="objection", purposes=None, reason="Asked by letter.")
    count_anew(shopkeeper)
    assert popular(shopkeeper)[0] != RARE


def test_counts_are_made_once_an_hour(shopkeeper):
    count_anew(shopkeeper)
    before = popular(shopkeeper)
    take_up(shopkeeper, PEOPLE)
    lately._held.clear()
    lately.look(shopkeeper.tenant.id)
    assert popular(shopkeeper) == before


def test_a_business_without_a_version_is_not_counted(bob):
    lately.look(bob.tenant.id)
    assert cache.get(shared_name(lately.NAME, bob.tenant.id)) is None


def test_one_business_does_not_move_what_is_popular_in_another(shopkeeper, bob):
    before = popular(shopkeeper)
    with shopkeeper.scope:
        place = Item.objects.get(external_id=RARE).id
    counts = Lately(
        np.array([place]),
        {days: np.array([99.0]) for days in lately.WINDOWS},
        {days: np.array([True]) for days in lately.WINDOWS},
    )
    cache.set(shared_name(lately.NAME, bob.tenant.id), counts, 60)
    assert popular(shopkeeper) == before
    cache.set(shared_name(lately.NAME, shopkeeper.tenant.id), counts, 60)
    lately._held.clear()
    assert popular(shopkeeper) == [RARE]


def test_while_redis_is_away_the_learnt_popularity_answers(shopkeeper, monkeypatch):
    before = popular(shopkeeper)
    take_up(shopkeeper, PEOPLE)
    count_anew(shopkeeper)

    def away(*_):
        raise RedisAway

    with monkeypatch.context() as patch:
        patch.setattr(lately.cache, "get", away)
        lately._held.clear()
        assert popular(shopkeeper) == before
