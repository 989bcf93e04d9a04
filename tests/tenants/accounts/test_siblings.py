"""Test mode: a tenant beside the live one with its members, and nothing else in common."""

import pytest
from django.utils.timezone import now

from tenants.accounts.keys import create_key
from tenants.accounts.models import Member, Tenant
from tenants.accounts.people import remove_member
from tenants.accounts.queries import find_key, memberships_of
from tenants.accounts.siblings import open_test_tenant, sibling_of
from tenants.accounts.tokens import parse_token
from tenants.audit.models import AuditEntry
from tenants.errors import Conflict
from tenants.isolation.models import KnownTenant
from tenants.isolation.scope import tenant_scope


def opened(business) -> Tenant:
    with business.scope:
        return open_test_tenant(actor=business.actor)


def test_the_sibling_is_like_the_live_tenant_but_for_its_plan(alice):
    with alice.scope:
        Tenant.objects.update(
            timezone="Europe/Paris", jurisdiction="FR", controller_contact="dpo@example.com"
        )
    test = opened(alice)
    assert (test.id, test.live_id) == (sibling_of(alice.tenant.id), alice.tenant.id)
    assert (test.name, test.plan, test.mode) == ("Alice's shop (test)", "test", "test")
    assert (test.timezone, test.jurisdiction) == ("Europe/Paris", "FR")
    assert test.controller_contact == "dpo@example.com"
    assert KnownTenant.objects.filter(tenant_id=test.id).exists()


def test_both_logs_tell_of_it(alice):
    test = opened(alice)
    with alice.scope:
        entry = AuditEntry.objects.order_by("-seq").first()
    assert (entry.action, entry.object_id) == ("tenant.test_opened", test.public_id)
    assert entry.actor_ref == alice.actor.ref
    with tenant_scope(test.id):
        assert AuditEntry.objects.values_list("action", flat=True).get() == "tenant.created"


def test_the_members_are_those_of_the_live_tenant(alice, bob):
    test = opened(alice)
    ((member, live), (same, found)) = memberships_of(alice.owner)
    assert (live.id, found.id, same.pk) == (alice.tenant.id, test.id, member.pk)
    assert len(memberships_of(bob.owner)) == 1


def test_there_is_one_test_mode_and_none_inside_it(alice):
    test = opened(alice)
    with alice.scope, pytest.raises(Conflict) as refused:
        open_test_tenant(actor=alice.actor)
    assert refused.value.code == "test_exists"
    with tenant_scope(test.id), pytest.raises(Conflict) as refused:
        open_test_tenant(actor=alice.actor)
    assert refused.value.code == "test_of_test"
    assert KnownTenant.objects.filter(tenant_id=sibling_of(test.id)).count() == 0


@pytest.mark.parametrize("why", [Tenant.OPERATOR, Tenant.CLOSING])
def test_beside_a_tenant_that_rests_no_test_mode_opens(alice, why):
    with alice.scope:
        Tenant.objects.update(suspended_at=now(), suspended_for=why)
        before = AuditEntry.objects.count()
        with pytest.raises(Conflict) as refused:
            open_test_tenant(actor=alice.actor)
        assert AuditEntry.objects.count() == before
    assert refused.value.code == "tenant_resting"
    assert not KnownTenant.objects.filter(pk=sibling_of(alice.tenant.id)).exists()


def test_no_member_is_touched_from_test_mode(alice):
    test = opened(alice)
    with alice.scope:
        member = Member.objects.get()
    with tenant_scope(test.id), pytest.raises(Conflict) as refused:
        remove_member(member_id=member.pk, actor=alice.actor)
    assert refused.value.code == "members_live"


def test_its_keys_say_test_and_open_test_alone(alice):
    test = opened(alice)
    with tenant_scope(test.id):
        _, text = create_key(name="x", scopes=["events:read"], actor=alice.actor)
    assert text.startswith("ak_restricted_test_")
    assert find_key(parse_token(text)).tenant_id == test.id


def test_a_suspended_live_tenant_hides_its_test_mode_too(alice):
    opened(alice)
    with alice.scope:
        Tenant.objects.update(suspended_at=now(), suspended_for=Tenant.OPERATOR)
    assert [tenant.id for _, tenant in memberships_of(alice.owner)] == [alice.tenant.id]
