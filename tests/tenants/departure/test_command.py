"""`manage.py tenant`: each action does what its service does, or says why not and does nothing."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from tenants.accounts.models import Member, Tenant
from tenants.accounts.queries import memberships_of, person_with
from tenants.audit.models import AuditEntry
from tenants.isolation.models import KnownTenant
from tests.tenants.departure.leaving import make_export

GOOD = "a long enough passphrase"


def tenant(*arguments: str) -> str:
    out = io.StringIO()
    call_command("tenant", *arguments, stdout=out)
    return out.getvalue()


def told(business) -> list[tuple[str, str]]:
    with business.scope:
        return list(AuditEntry.objects.order_by("seq").values_list("action", "actor_ref"))[3:]


@pytest.fixture
def password(tmp_path):
    file = tmp_path / "password"
    file.write_text(f"{GOOD}\n")
    return str(file)


def create(*more: str) -> str:
    return tenant("create", "--name", "Shop", "--owner-email", "New@Example.com", *more)


def test_create_makes_the_tenant_and_its_owner(db, password):
    said = create("--password-file", password, "--timezone", "Asia/Tokyo", "--contact", "a@b.c")
    person = person_with("new@example.com")
    assert person.check_password(GOOD)
    ((member, made),) = memberships_of(person)
    assert made.public_id in said
    assert (member.role, made.name, made.timezone) == ("owner", "Shop", "Asia/Tokyo")
    assert made.controller_contact == "a@b.c"


def test_create_takes_the_password_from_a_pipe(db, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{GOOD}\n"))
    create()
    assert person_with("new@example.com").check_password(GOOD)


def test_create_lets_in_who_has_an_account_and_asks_for_no_password(alice):
    tenant("create", "--name", "Second", "--owner-email", "ALICE@example.com")
    assert [made.name for _, made in memberships_of(alice.owner)] == ["Alice's shop", "Second"]


@pytest.mark.parametrize(
    "more, typed, says",
    [
        ((), "short\n", "too short"),
        ((), "\n", "too short"),
        (("--timezone", "Mars/Olympus"), f"{GOOD}\n", "IANA"),
        (("--name", " "), f"{GOOD}\n", "Give the tenant a name"),
        (("--owner-email", "nobody"), f"{GOOD}\n", "valid email"),
        (("--password-file", "/nowhere/at/all"), "", "Cannot read the password"),
    ],
)
def test_create_refuses_what_makes_no_sense_and_makes_nothing(db, monkeypatch, more, typed, says):
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    before = KnownTenant.objects.count()
    with pytest.raises(CommandError, match=says):
        create(*more)
    assert person_with("new@example.com") is None
    assert person_with("nobody") is None
    assert KnownTenant.objects.count() == before


def test_list_shows_every_tenant_with_its_state(alice, bob):
    tenant("suspend", alice.tenant.public_id, "--reason", "Unpaid.")
    lines = {line.split()[0]: line for line in tenant("list").splitlines()}
    assert "live  operator  standard  Alice's shop" in lines[alice.tenant.public_id]
    assert "live  works  standard  Bob's shop" in lines[bob.tenant.public_id]


def test_a_whole_life_each_step_in_the_log_as_the_operators(alice):
    name = alice.tenant.public_id
    tenant("suspend", name, "--reason", "Unpaid.")
    tenant("resume", str(alice.tenant.id))
    said = tenant("limits", name, "--plan", "large", "--set", "requests_per_second=120")
    assert "requests_per_second = 120.0 (granted)" in said
    assert "requests_per_second = 500.0\n" in tenant(
        "limits", name, "--unset", "requests_per_second"
    )
    tenant("limits", name)
    tenant("export", name)
    make_export_by_worker()
    tenant("close", name, "--name", "Alice's shop")
    tenant("keep", name)
    assert told(alice) == [
        ("tenant.suspended", "operator"),
        ("tenant.resumed", "operator"),
        ("tenant.limits_set", "operator"),
        ("tenant.limits_set", "operator"),
        ("export.requested", "operator"),
        ("export.made", "export"),
        ("tenant.closing", "operator"),
        ("tenant.kept", "operator"),
    ]


def make_export_by_worker() -> None:
    from tenants.work.run import run_waiting

    run_waiting("default")


def test_list_shows_an_end_over_a_tenant_that_does_not_close_as_an_alarm(alice, bob):
    make_export(bob)
    tenant("close", bob.tenant.public_id, "--name", "Bob's shop")
    with alice.scope:
        KnownTenant.objects.filter(pk=alice.tenant.id).update(closes_at=now() + timedelta(days=9))
    lines = {line.split()[0]: line for line in tenant("list").splitlines()}
    assert "ALARM: it has an end in the register but is not" in lines[alice.tenant.public_id]
    assert "works until" in lines[alice.tenant.public_id]
    assert "ALARM" not in lines[bob.tenant.public_id]


def test_a_suspended_tenant_is_closed_by_command(alice):
    name = alice.tenant.public_id
    make_export(alice)
    tenant("suspend", name, "--reason", "Unpaid.")
    assert "deleted after" in tenant("close", name, "--name", "Alice's shop")
    assert f"{name}  live  held until " in tenant("list")
    assert "It stays" in tenant("keep", name)
    assert f"{name}  live  operator  " in tenant("list")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("limits", "--set", "speed=1"), "Choose among requests_per_second"),
        (("limits", "--set", "burst=0"), "above 0"),
        (("limits", "--set", "burst"), "invalid limit value"),
        (("limits", "--set", "burst=many"), "invalid limit value"),
        (("limits", "--plan", "huge"), "Choose one of standard"),
        (("suspend",), "--reason"),
        (("suspend", "--reason", " "), "Say why"),
        (("resume",), "was not suspended"),
        (("close", "--name", "Alice's shop"), "Make an export first"),
        (("close",), "--name"),
        (("keep",), "not being closed"),
        (("finish",), "time is not over"),
    ],
)
def test_an_action_that_makes_no_sense_says_why_and_changes_nothing(alice, arguments, says):
    action, *more = arguments
    with pytest.raises(CommandError, match=says):
        tenant(action, alice.tenant.public_id, *more)
    assert told(alice) == []
    with alice.scope:
        found = Tenant.objects.get()
    assert (found.plan, found.granted, found.resting) == ("standard", {}, "")


@pytest.mark.parametrize("wrong", ["tnt_0", "alice", "tnt_0000000000000000000000", "mem_1"])
def test_a_tenant_that_is_not_there_is_named(alice, wrong):
    with pytest.raises(CommandError, match=r"invalid tenant_id value|There is no such tenant"):
        tenant("suspend", wrong, "--reason", "x")
    with alice.scope:
        assert Member.objects.count() == 1


def test_a_finished_export_of_the_owner_counts_for_the_operator(alice):
    make_export(alice)
    assert "deleted after" in tenant("close", alice.tenant.public_id, "--name", "Alice's shop")
    assert KnownTenant.objects.get(pk=alice.tenant.id).closes_at is not None
