"""Closing and taking it back: who must have done what before, and what then rests."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tenants.accounts.life import resume_tenant, suspend_tenant
from tenants.accounts.models import Tenant
from tenants.accounts.queries import find_key
from tenants.accounts.siblings import open_test_tenant
from tenants.accounts.tokens import parse_token
from tenants.audit.actor import system
from tenants.audit.models import AuditEntry
from tenants.departure.finishing import finish_tenant
from tenants.departure.models import TenantExport
from tenants.departure.services import close_tenant, keep_tenant, request_export
from tenants.errors import AppError, Conflict
from tenants.ids import uuid7
from tenants.isolation.models import KnownTenant
from tenants.isolation.scope import tenant_scope
from tenants.work.run import run_waiting
from tests.connections import let_time_pass
from tests.tenants.departure.leaving import make_export

OPERATOR = system("operator")


def close(business, name: str | None = None) -> None:
    name = name or business.tenant.name
    close_tenant(tenant_id=business.tenant.id, name=name, actor=business.actor)


def keep(business) -> None:
    keep_tenant(tenant_id=business.tenant.id, actor=business.actor)


def state_of(business) -> tuple[str, bool, list[str]]:
    """Why it rests, whether it has an end, what of closing stands in its log."""
    with business.scope:
        told = AuditEntry.objects.filter(action__in=("tenant.closing", "tenant.kept"))
        return (
            Tenant.objects.get().resting,
            KnownTenant.objects.get(pk=business.tenant.id).closes_at is not None,
            list(told.order_by("seq").values_list("action", flat=True)),
        )


def test_a_closed_tenant_rests_for_thirty_days_and_may_be_taken_back(alice):
    make_export(alice)
    close(alice)
    assert state_of(alice) == ("closing", True, ["tenant.closing"])
    end = KnownTenant.objects.get(pk=alice.tenant.id).closes_at
    assert timedelta(days=29.9) < end - now() <= timedelta(days=30)
    assert find_key(parse_token(alice.key)) is None
    keep(alice)
    assert state_of(alice) == ("", False, ["tenant.closing", "tenant.kept"])
    assert find_key(parse_token(alice.key)) is not None


def test_its_test_tenant_goes_and_stays_with_it(alice):
    with alice.scope:
        test = open_test_tenant(actor=OPERATOR)
    with pytest.raises(Conflict) as refused:
        close_tenant(tenant_id=test.id, name=test.name, actor=OPERATOR)
    assert refused.value.code == "close_live_tenant"
    make_export(alice)
    close(alice)
    assert KnownTenant.objects.get(pk=test.id).closes_at is not None
    keep(alice)
    assert KnownTenant.objects.get(pk=test.id).closes_at is None
    with tenant_scope(test.id):
        assert Tenant.objects.get().resting == ""


def no_export(alice) -> None:
    """Nothing is prepared."""


def old_export(alice) -> None:
    make_export(alice)
    with alice.scope:
        TenantExport.objects.update(expires_at=now())


def open_export(alice) -> None:
    with alice.scope:
        request_export(actor=alice.actor)


def suspended(alice) -> None:
    make_export(alice)
    suspend_tenant(tenant_id=alice.tenant.id, reason="Unpaid.", actor=OPERATOR)


@pytest.mark.parametrize(
    "prepare, name, code",
    [
        (no_export, "Alice's shop", "export_first"),
        (old_export, "Alice's shop", "export_first"),
        (open_export, "Alice's shop", "export_first"),
        (make_export, "alice's shop", "name_differs"),
        (make_export, "Bob's shop", "name_differs"),
        (suspended, "Alice's shop", "tenant_suspended"),
    ],
)
def test_a_closing_that_must_not_be_changes_nothing(alice, prepare, name, code):
    prepare(alice)
    before = state_of(alice)
    with pytest.raises(AppError) as refused:
        close(alice, name)
    assert refused.value.code == code
    assert state_of(alice) == before
    assert not before[1]


def refused_code(act) -> str:
    with pytest.raises(Conflict) as refused:
        act()
    return refused.value.code


def rests(tenant_id) -> str:
    with tenant_scope(tenant_id):
        return Tenant.objects.get().resting


def test_a_closing_tenant_may_be_suspended_and_only_the_operator_then_keeps_it(alice):
    make_export(alice)
    close(alice)
    end = KnownTenant.objects.get(pk=alice.tenant.id).closes_at
    suspend_tenant(tenant_id=alice.tenant.id, reason="Fraud.", actor=OPERATOR)
    assert rests(alice.tenant.id) == Tenant.HELD
    assert refused_code(lambda: keep(alice)) == "tenant_suspended"
    assert refused_code(lambda: close(alice)) == "tenant_suspended"
    assert state_of(alice) == ("held", True, ["tenant.closing"])
    assert KnownTenant.objects.get(pk=alice.tenant.id).closes_at == end
    keep_tenant(tenant_id=alice.tenant.id, actor=OPERATOR)
    assert state_of(alice) == ("operator", False, ["tenant.closing", "tenant.kept"])
    resume_tenant(tenant_id=alice.tenant.id, actor=OPERATOR)
    assert rests(alice.tenant.id) == ""


def test_a_suspension_that_ends_leaves_the_closing_as_it_was(alice):
    make_export(alice)
    close(alice)
    suspend_tenant(tenant_id=alice.tenant.id, reason="Fraud.", actor=OPERATOR)
    resume_tenant(tenant_id=alice.tenant.id, actor=OPERATOR)
    assert state_of(alice)[:2] == ("closing", True)
    keep(alice)
    assert state_of(alice)[:2] == ("", False)


def test_the_operator_closes_what_is_suspended_and_its_owner_cannot_wake_it_thereby(alice):
    suspended(alice)
    close_tenant(tenant_id=alice.tenant.id, name="Alice's shop", actor=OPERATOR)
    assert state_of(alice) == ("held", True, ["tenant.closing"])
    assert refused_code(lambda: keep(alice)) == "tenant_suspended"
    assert find_key(parse_token(alice.key)) is None


def test_keeping_a_tenant_leaves_its_test_tenants_own_suspension(alice):
    with alice.scope:
        test = open_test_tenant(actor=OPERATOR)
    suspend_tenant(tenant_id=test.id, reason="Noise.", actor=OPERATOR)
    make_export(alice)
    close(alice)
    assert (rests(test.id), rests(alice.tenant.id)) == ("held", "closing")
    keep(alice)
    assert (rests(test.id), rests(alice.tenant.id)) == ("operator", "")
    assert KnownTenant.objects.get(pk=test.id).closes_at is None


def test_a_test_tenant_that_is_suspended_while_it_closes_is_in_no_keepings_way(alice):
    with alice.scope:
        test = open_test_tenant(actor=OPERATOR)
    make_export(alice)
    close(alice)
    suspend_tenant(tenant_id=test.id, reason="Noise.", actor=OPERATOR)
    keep(alice)
    assert (rests(test.id), rests(alice.tenant.id)) == ("operator", "")


def test_nobodys_tenant_is_not_found(db):
    for act in (
        lambda: close_tenant(tenant_id=uuid7(), name="x", actor=OPERATOR),
        lambda: keep_tenant(tenant_id=uuid7(), actor=OPERATOR),
    ):
        with pytest.raises(AppError) as refused:
            act()
        assert refused.value.code == "not_found"


def test_what_is_not_being_closed_cannot_be_kept_nor_resumed_from_closing(alice):
    with pytest.raises(Conflict):
        keep(alice)
    make_export(alice)
    close(alice)
    with pytest.raises(Conflict):
        resume_tenant(tenant_id=alice.tenant.id, actor=OPERATOR)
    with pytest.raises(Conflict):
        finish_tenant(alice.tenant.id)
    assert state_of(alice)[:2] == ("closing", True)


def test_an_export_is_made_also_while_the_tenant_closes(alice):
    make_export(alice)
    close(alice)
    assert make_export(alice).state == TenantExport.DONE


def test_it_is_too_late_once_the_time_is_over(committed):
    alice = committed("Alice")
    with alice.scope:
        request_export(actor=alice.actor)
    run_waiting("default")
    close(alice)
    let_time_pass(alice.tenant.id)
    with pytest.raises(Conflict) as refused:
        keep(alice)
    assert refused.value.code == "tenant_not_closing"
    assert state_of(alice)[:2] == ("closing", True)
