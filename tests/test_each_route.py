"""What a walk over many routes stands on."""

from tenants.accounts.models import Tenant
from tests.each_route import for_each


@for_each(["a route"])
def test_the_limits_of_who_walks_are_open(alice, bob, route):
    for business in (alice, bob):
        with business.scope:
            assert Tenant.objects.get().limits.burst == 1_000_000
