"""What the tests of a file begin with is made once, and no test sees what another did to it."""

import pytest
from django.db import connection

from tenants.accounts.keys import create_key
from tenants.accounts.models import APIKey
from tests.business import make_business


@pytest.fixture(scope="module")
def shop(made_once):
    return make_business("Shop")


@pytest.mark.parametrize("time", ["first", "second", "third"])
def test_each_meets_it_as_it_was_made(shop, time):
    with shop.scope:
        assert APIKey.objects.count() == 1
        create_key(name=time, scopes=["events:write"], actor=shop.actor)
        assert APIKey.objects.count() == 2


def test_nothing_of_it_is_committed(shop):
    assert connection.in_atomic_block and len(connection.savepoint_ids) > 0


def test_whoever_makes_nothing_in_it_goes_on_as_usual(alice):
    with alice.scope:
        assert APIKey.objects.count() == 1
