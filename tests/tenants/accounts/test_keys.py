"""API keys: their form, their life, and that each change of it counts from the next request."""

import hashlib
import re
from datetime import datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils.timezone import now

from tenants.accounts.keys import create_key, revoke_key, rotate_key
from tenants.accounts.models import APIKey, Tenant
from tenants.accounts.queries import find_key
from tenants.accounts.tokens import KINDS, SCANNED, Token, new_token, parse_token
from tenants.audit.models import AuditDetail, AuditEntry
from tenants.errors import AppError, Conflict, NotFound
from tenants.ids import encode

TENANT = UUID("01a209c4-f762-76f4-9ce9-ad6826dcd8fb")
# Where the last and the first moment that Python knows are none in UTC.
WEST, EAST = timezone(-timedelta(hours=10)), timezone(timedelta(hours=10))
UNTOUCHED = ["tenant.created", "member.added", "key.created"]


def asks(key: str) -> int:
    """The status of a small question asked with the key."""
    return Client().get("/v1/uploads", headers={"Authorization": f"Bearer {key}"}).status_code


def actions(business) -> list[str]:
    with business.scope:
        return list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))


LEAD = len("ak_restricted_live_")


def test_a_token_carries_kind_mode_tenant_and_a_checksum():
    token = new_token(TENANT)
    assert token.text.startswith(f"ak_restricted_live_{encode(TENANT.int)}")
    assert len(token.text) == LEAD + 22 + 32 + 6
    assert parse_token(token.text) == token
    assert token.hash == hashlib.sha256(token.text.encode()).digest()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["live", "test"])
def test_a_secret_scanner_knows_a_token_of_any_kind_by_its_pattern_alone(kind, mode):
    token = new_token(TENANT, kind, mode)
    found = re.search(SCANNED, f"key = '{token.text}' # the shop's")
    assert found and found[0] == token.text
    assert (found[1], found[2]) == (kind, mode)
    assert parse_token(found[0]) == token


def test_two_tokens_of_a_tenant_differ():
    assert new_token(TENANT).text != new_token(TENANT).text


@pytest.mark.parametrize("place", [0, 3, 10, 15, 20, 30, 56, 57, 62, 72, 78])
def test_one_wrong_character_is_noticed_without_asking_anybody(place):
    text = new_token(TENANT).text
    other = "1" if text[place] != "1" else "2"
    assert parse_token(text[:place] + other + text[place + 1 :]) is None


@pytest.mark.parametrize("kind, mode", [("secret", "live"), ("restricted", "test")])
def test_a_token_passed_off_as_another_kind_or_mode_is_none(kind, mode):
    text = new_token(TENANT).text
    assert parse_token(text.replace("ak_restricted_live_", f"ak_{kind}_{mode}_")) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "ak_", "ak_restricted_live_short", "é" * 79, "ak_restricted_live_" + "z" * 60,
        "ak_restricted_live_" + "!" * 60, "x" * 10_000, "ak_restricted_live_" + "z" * 10_000,
    ],
)  # fmt: skip
def test_what_cannot_be_a_token_is_none(text):
    assert parse_token(text) is None


def test_a_tenant_number_beyond_128_bits_is_no_token():
    from tenants.accounts.tokens import _checksum

    body = "ak_restricted_live_" + "z" * 22 + "a" * 32
    assert parse_token(body + _checksum(body)) is None


def test_what_is_shown_of_a_token_tells_no_character_of_its_secret():
    token = new_token(TENANT)
    secret = token.text[LEAD + 22 : LEAD + 22 + 32]
    assert token.redacted == f"ak_restricted_live_…{token.text[-4:]}"
    assert secret not in token.redacted


def test_of_a_key_only_its_hash_is_kept(alice):
    with alice.scope:
        key, text = create_key(name=" Shop ", scopes=["events:read"] * 2, actor=alice.actor)
        stored = APIKey.objects.get(pk=key.pk)
        entry = AuditEntry.objects.get(object_id=key.public_id)
        detail = AuditDetail.objects.get(entry=entry)
    assert bytes(stored.hash) == hashlib.sha256(text.encode()).digest()
    assert (stored.name, stored.scopes) == ("Shop", ["events:read"])
    assert text not in str(vars(stored)) + str(detail.details)
    assert (entry.action, entry.actor_ref) == ("key.created", alice.member)
    assert detail.details == {
        "redacted": stored.redacted,
        "scopes": ["events:read"],
        "kind": "restricted",
    }


@pytest.mark.parametrize(
    "wrong, code",
    [
        ({"name": " "}, "name_missing"),
        ({"scopes": []}, "scopes_missing"),
        ({"scopes": ["events:read", "events:raed"]}, "unknown_scope"),
        ({"scopes": ["keys:manage"]}, "unknown_scope"),
        ({"expires_at": now() - timedelta(seconds=1)}, "expiry_past"),
        ({"expires_at": now() + timedelta(days=3655)}, "expiry_far"),
        ({"expires_at": datetime.max.replace(tzinfo=WEST)}, "expiry_far"),
        ({"expires_at": datetime.min.replace(tzinfo=EAST)}, "expiry_past"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(alice, wrong, code):
    with alice.scope:
        with pytest.raises(AppError) as refused:
            create_key(**{"name": "x", "scopes": ["events:read"], "actor": alice.actor, **wrong})
        assert APIKey.objects.count() == 1
    assert refused.value.code == code
    assert actions(alice) == UNTOUCHED


def test_a_revoked_key_is_refused_on_the_very_next_request(alice):
    assert asks(alice.key) == 200
    with alice.scope:
        key = revoke_key(key_id=APIKey.objects.get().pk, actor=alice.actor)
    assert asks(alice.key) == 401
    assert actions(alice) == [*UNTOUCHED, "key.revoked"]
    with alice.scope:
        entry = AuditEntry.objects.get(action="key.revoked")
    assert entry.object_id == key.public_id


def test_a_key_is_revoked_once(alice):
    with alice.scope:
        pk = APIKey.objects.get().pk
        first = revoke_key(key_id=pk, actor=alice.actor).revoked_at
        with pytest.raises(Conflict):
            revoke_key(key_id=pk, actor=alice.actor)
        assert APIKey.objects.get().revoked_at == first
    assert actions(alice)[3:] == ["key.revoked"]


def test_another_tenants_key_cannot_be_revoked(alice, bob):
    with alice.scope:
        pk = APIKey.objects.get().pk
    with bob.scope, pytest.raises(NotFound):
        revoke_key(key_id=pk, actor=bob.actor)
    assert asks(alice.key) == 200
    assert actions(alice) == actions(bob) == UNTOUCHED


def test_a_key_ends_at_its_expiry(alice):
    with alice.scope:
        soon = now() + timedelta(hours=1)
        key, text = create_key(name="x", scopes=["events:read"], actor=alice.actor, expires_at=soon)
        assert asks(text) == 200
        APIKey.objects.filter(pk=key.pk).update(expires_at=now())
    assert asks(text) == 401
    assert asks(alice.key) == 200


def test_a_successor_lasts_ten_years_at_most(alice):
    with alice.scope:
        old, _ = create_key(
            name="x", scopes=["events:read"], actor=alice.actor,
            expires_at=now() + timedelta(days=3652),
        )  # fmt: skip
        APIKey.objects.filter(pk=old.pk).update(created_at=now() - timedelta(days=3000))
        new, _ = rotate_key(key_id=old.pk, overlap=timedelta(0), actor=alice.actor)
    assert abs(new.expires_at - now() - timedelta(days=3654)) < timedelta(minutes=1)


def test_the_keys_of_a_suspended_tenant_rest(alice, bob):
    with alice.scope:
        Tenant.objects.update(suspended_at=now())
    assert asks(alice.key) == 401
    assert asks(bob.key) == 200
    with alice.scope:
        Tenant.objects.update(suspended_at=None)
    assert asks(alice.key) == 200


def test_a_key_is_not_found_under_another_tenants_number(alice, bob):
    text = alice.key
    foreign = Token(bob.tenant.id, text, "restricted", "live")
    assert find_key(foreign) is None
    assert find_key(Token(uuid4(), text, "restricted", "live")) is None
    assert find_key(Token(alice.tenant.id, text, "restricted", "live")).tenant_id == alice.tenant.id


def test_the_last_use_is_noted_to_the_minute(alice):
    def last_used():
        with alice.scope:
            return APIKey.objects.get().last_used_at

    assert last_used() is None
    asks(alice.key)
    first = last_used()
    assert abs(now() - first) < timedelta(minutes=5)
    asks(alice.key)
    assert last_used() == first
    with alice.scope:
        APIKey.objects.update(last_used_at=first - timedelta(minutes=2))
    asks(alice.key)
    assert last_used() == first


def test_a_refused_key_is_not_noted_as_used(alice):
    with alice.scope:
        APIKey.objects.update(revoked_at=now())
    asks(alice.key)
    with alice.scope:
        assert APIKey.objects.get().last_used_at is None


def test_looking_up_a_key_leaves_no_scope_behind(alice, bob):
    from django.db import connection

    with bob.scope:
        assert find_key(parse_token(alice.key)).tenant_id == alice.tenant.id
        with connection.cursor() as cursor:
            cursor.execute("select current_setting('app.tenant_id', true)")
            assert cursor.fetchone() == (str(bob.tenant.id),)
    assert find_key(parse_token(alice.key)) is not None
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('app.tenant_id', true)")
        assert cursor.fetchone() == ("",)
