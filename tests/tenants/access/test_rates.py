"""Limits: evenly admitted, one clock for all processes, and never counted against a stranger."""

import time
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from attune.wsgi import application
from tenants.access.door import place_of
from tenants.access.places import PLACES
from tenants.access.rates import RATES, Bucket, Caller, Rates
from tenants.accounts.keys import create_key
from tenants.accounts.models import APIKey, Tenant
from tenants.accounts.tokens import new_token
from tenants.departure.shared import forget
from tenants.metering.models import Usage
from tenants.metering.requests import bring_in
from tests.doors import ask

GONE = "redis://127.0.0.1:1/0"


def caller(rate: float, burst: int, at_once: int = 4, key_rate: float | None = None) -> Caller:
    tenant, key = uuid4(), uuid4()
    buckets = [Bucket("tenant", f"rate:{tenant}", rate, burst)]
    if key_rate:
        buckets.append(Bucket("key", f"rate:{tenant}:{key}", key_rate, max(1, round(key_rate))))
    return Caller(key, tenant, tuple(buckets), at_once)


@pytest.fixture(params=["with Redis", "without Redis"])
def rates(request) -> Rates:
    """Each promise holds in both ways of keeping the limit."""
    return Rates(settings.REDIS_URL if request.param == "with Redis" else GONE)


def test_a_burst_is_admitted_and_the_next_request_is_not(rates):
    who = caller(rate=0.5, burst=3)
    verdicts = [rates.take(b"digest", who) for _ in range(4)]
    assert [each.admitted for each in verdicts] == [True, True, True, False]
    assert [each.remaining for each in verdicts] == [2, 1, 0, 0]
    assert 0 < verdicts[3].wait <= 2


def test_after_the_time_that_it_names_the_next_request_is_admitted(rates):
    who = caller(rate=5, burst=1)
    assert rates.take(b"digest", who).admitted
    refused = rates.take(b"digest", who)
    assert not refused.admitted and 0 < refused.wait <= 0.2
    time.sleep(refused.wait + 0.02)
    assert rates.take(b"digest", who).admitted


def test_a_refused_request_takes_nothing_from_any_bucket(rates):
    who = caller(rate=0.5, burst=5, key_rate=0.01)
    assert rates.take(b"digest", who).admitted
    refused = [rates.take(b"digest", who) for _ in range(3)]
    assert [each.admitted for each in refused] == [False] * 3
    assert refused[0].bucket.of == "key"
    other = Caller(uuid4(), who.tenant_id, who.buckets[:1], 4)
    assert rates.take(b"other", other).remaining == 3


def test_two_processes_share_one_limit():
    who = caller(rate=0.5, burst=4)
    one, two = Rates(settings.REDIS_URL), Rates(settings.REDIS_URL)
    admitted = [each.take(b"digest", who).admitted for each in (one, two) * 3]
    assert admitted == [True] * 4 + [False] * 2


def test_limits_of_tenants_are_apart(rates):
    alice, bob = caller(rate=0.5, burst=1), caller(rate=0.5, burst=1)
    assert [rates.take(b"a", alice).admitted for _ in range(2)] == [True, False]
    assert rates.take(b"b", bob).admitted


def test_requests_counted_while_redis_was_away_are_told_later():
    who = caller(rate=100, burst=100)
    rates = Rates(GONE)
    assert rates.take(b"digest", who).admitted
    live = Rates(settings.REDIS_URL)
    rates._redis, rates._take, rates._apart_until = live._redis, live._take, 0.0
    rates.take(b"digest", who)
    from tenants.metering.record import today

    assert rates.counted(who.tenant_id, today()) == {("requests", who.key_id): 2}


@hypothesis_settings(max_examples=25, deadline=None)
@given(
    rate=st.floats(0.01, 0.3),
    burst=st.integers(1, 8),
    tries=st.integers(1, 12),
)
def test_both_ways_of_keeping_a_limit_admit_the_same(rate, burst, tries):
    who = caller(rate=rate, burst=burst)
    admitted = [
        [rates.take(b"digest", who).admitted for _ in range(tries)]
        for rates in (Rates(settings.REDIS_URL), Rates(GONE))
    ]
    assert admitted[0] == admitted[1] == [index < burst for index in range(tries)]


@pytest.fixture
def slow_alice(alice):
    with alice.scope:
        Tenant.objects.update(granted={"requests_per_second": 0.2, "burst": 3})
    return alice


def test_the_fourth_request_is_refused_with_standard_headers(slow_alice):
    replies = [Client().get("/v1/uploads", headers=slow_alice.headers) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert replies[0]["X-RateLimit-Limit-Requests"] == "3"
    assert [reply["X-RateLimit-Remaining-Requests"] for reply in replies] == ["2", "1", "0", "0"]
    assert replies[0]["RateLimit-Policy"] == '"tenant";q=3;w=15'
    assert replies[0]["RateLimit"].startswith('"tenant";r=2;t=')
    error = replies[3].json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limited")
    assert 1 <= int(replies[3]["Retry-After"]) <= 6


def test_the_door_refuses_the_same_before_django_is_woken(slow_alice):
    replies = [ask(application, "/v1/uploads", headers=slow_alice.headers) for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429]
    refused = replies[3]
    assert refused.json()["error"]["code"] == "rate_limited"
    assert refused.json()["error"]["request_id"] == refused.headers["x-request-id"]
    assert {"retry-after", "ratelimit", "x-ratelimit-reset-requests"} <= set(refused.headers)


def test_a_key_with_a_rate_of_its_own_is_held_to_it(alice, bob):
    with alice.scope:
        _, text = create_key(
            name="slow", scopes=["events:read"], requests_per_second=0.1, actor=alice.actor
        )
    own = {"Authorization": f"Bearer {text}"}
    assert [Client().get("/v1/uploads", headers=own).status_code for _ in range(2)] == [200, 429]
    assert Client().get("/v1/uploads", headers=alice.headers).status_code == 200
    assert Client().get("/v1/uploads", headers=bob.headers).status_code == 200


def test_a_forged_key_counts_against_nobody(slow_alice):
    for _ in range(5):
        forged = {"Authorization": f"Bearer {new_token(slow_alice.tenant.id).text}"}
        assert ask(application, "/v1/uploads", headers=forged).status == 401
    assert ask(application, "/v1/uploads", headers=slow_alice.headers).status == 200


def test_a_wider_limit_counts_within_a_minute_even_where_all_is_refused(slow_alice, monkeypatch):
    def asked() -> int:
        return ask(application, "/v1/uploads", headers=slow_alice.headers).status

    monkeypatch.setattr("tenants.access.rates.BELIEVED", 2.0)
    assert [asked() for _ in range(5)] == [200, 200, 200, 429, 429]
    with slow_alice.scope:
        Tenant.objects.update(granted={})
    assert asked() == 429
    time.sleep(2.1)  # a minute outside of tests
    asked()
    time.sleep(0.2)
    assert [asked() for _ in range(4)] == [200] * 4


def test_a_tenant_that_holds_all_its_places_is_refused_and_others_are_not(alice, bob, monkeypatch):
    for business in (alice, bob):
        assert ask(application, "/v1/uploads", headers=business.headers).status == 200
    with alice.scope:
        key = APIKey.objects.get()
    who = RATES.known(bytes(key.hash))
    taken = [PLACES.begin(who) for _ in range(who.at_once)]
    monkeypatch.setattr("tenants.access.places.PATIENCE", 0.1)
    refused = ask(application, "/v1/uploads", headers=alice.headers)
    assert (refused.status, refused.json()["error"]["code"]) == (429, "too_many_at_once")
    assert ask(application, "/v1/uploads", headers=bob.headers).status == 200
    for _ in taken:
        PLACES.end(who)
    assert ask(application, "/v1/uploads", headers=alice.headers).status == 200


def test_a_slow_body_keeps_no_other_request_of_its_tenant_waiting(alice, monkeypatch):
    monkeypatch.setattr("tenants.access.places.PATIENCE", 0.1)
    assert ask(application, "/v1/uploads", headers=alice.headers).status == 200
    with alice.scope:
        who = RATES.known(bytes(APIKey.objects.get().hash))
    bodies = place_of(who, {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "7"})
    taken = [PLACES.begin(bodies) for _ in range(bodies.at_once)]
    assert taken == [True] * bodies.at_once and bodies.at_once > who.at_once
    assert ask(application, "/v1/uploads", headers=alice.headers).status == 200
    headers = {**alice.headers, "Content-Type": "application/json"}
    one_more = ask(application, "/v1/consents", method="POST", headers=headers, body=b"{}")
    assert (one_more.status, one_more.json()["error"]["code"]) == (429, "too_many_at_once")
    for _ in taken:
        PLACES.end(bodies)
    again = ask(application, "/v1/consents", method="POST", headers=headers, body=b"{}")
    assert again.status == 400


def test_metered_requests_add_up_by_key_however_often_they_are_brought_in(slow_alice):
    for _ in range(5):
        ask(application, "/v1/uploads", headers=slow_alice.headers)
    with slow_alice.scope:
        key = APIKey.objects.get()
    # What the door refused by itself is told with the next question to Redis.
    RATES._closed.clear()
    ask(application, "/v1/uploads", headers=slow_alice.headers)
    for _ in range(3):
        bring_in(slow_alice.tenant.id)
    with slow_alice.scope:
        rows = Usage.objects.values_list("meter", "key_id", "amount")
        assert sorted(rows) == [("refused", key.id, 3.0), ("requests", key.id, 3.0)]


def test_a_tenants_counters_carry_its_name_and_go_with_it(slow_alice, bob):
    for business in (slow_alice, bob):
        ask(application, "/v1/uploads", headers=business.headers)
    server = redis.Redis.from_url(settings.REDIS_URL)

    def names(business) -> list[bytes]:
        return [n for n in server.scan_iter("*") if str(business.tenant.id).encode() in n]

    assert len(names(slow_alice)) == 2
    forget(slow_alice.tenant.id)
    assert names(slow_alice) == []
    assert len(names(bob)) == 2
