"""Every route, every method, every identity, from one table. A route that is not in it fails.

Denied means that nothing changed but for the entry of the denial (acceptance statement 36: what
belongs to another tenant reads exactly like what does not exist).
"""

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils.timezone import now

from tenants.access.rights import RIGHTS_OF, SCOPES
from tenants.accounts.keys import create_key
from tenants.accounts.models import APIKey, Person, Role, Tenant
from tenants.accounts.tokens import new_token
from tenants.audit.models import AuditEntry
from tenants.ids import public_id, uuid7
from tests.access_table import (
    API,
    KINDS,
    METHODS,
    OPEN,
    PAGES,
    PERSONAL,
    PUBLIC,
    id_for,
    ids_in,
    kind_of,
    ready,
    routes,
    send,
)
from tests.access_walk import identities, undrawn, walk
from tests.business import signed_in
from tests.each_route import for_each, open_limits, undone
from tests.tenants.isolation.rows import OWNED


def counts(*businesses) -> list[tuple[str, int]]:
    """How many rows each tenant has in each table, the log left out."""
    parts = [
        f"select '{model._meta.db_table}', count(*) from {model._meta.db_table}"
        for model in OWNED
        if model._meta.app_label != "audit"
    ]
    found = []
    for business in businesses:
        with business.scope, connection.cursor() as cursor:
            cursor.execute(" union all ".join(parts))
            found += [(business.tenant.name, *row) for row in cursor.fetchall()]
    return sorted(found)


def denials(business) -> int:
    with business.scope:
        return AuditEntry.objects.filter(action="access.denied", outcome="denied").count()


def entries(business) -> int:
    with business.scope:
        return AuditEntry.objects.count()


def test_every_route_stands_in_the_table():
    assert set(routes()) == {*API, *PAGES, *OPEN, *PERSONAL}
    assert len(list(routes())) == len(set(routes()))
    assert {kind_of(route) for route in [*API, *PAGES] if "<str" in route} == set(KINDS.values())


@pytest.fixture
def ids(alice) -> dict[str, str]:
    return ids_in(alice)


@pytest.fixture
def browsers(alice) -> dict[Role, Client]:
    return {role: alice.browser(role) for role in Role}


@pytest.fixture
def invalid_keys(alice):
    """Keys that open nothing, by what is wrong with them; None sends no header."""
    with alice.scope:
        made = {}
        for name in ("revoked", "expired"):
            key, made[name] = create_key(
                name=name, scopes=[r.value for r in SCOPES], actor=alice.actor
            )
            field = {"revoked": "revoked_at", "expired": "expires_at"}[name]
            APIKey.objects.filter(pk=key.pk).update(**{field: now() - timedelta(seconds=1)})
    return {
        "no header": None,
        "no bearer": f"Basic {alice.key}",
        "empty": "Bearer ",
        "malformed": "Bearer hello",
        "bad checksum": f"Bearer {alice.key[:-1]}{'1' if alice.key[-1] != '1' else '2'}",
        "unknown": f"Bearer {new_token(alice.tenant.id).text}",
        "of nobody": f"Bearer {new_token(uuid7()).text}",
        "revoked": f"Bearer {made['revoked']}",
        "expired": f"Bearer {made['expired']}",
    }


def error_of(reply: HttpResponse) -> dict[str, Any]:
    """The one form of error; fails when the answer has another."""
    body = reply.json()
    # The tracking API says code and message where Segment's libraries look for them, too.
    assert set(body) - {"code", "message"} == {"error"}
    assert set(body["error"]) == {"type", "code", "message", "param", "request_id"}
    assert body["error"]["request_id"] == reply["X-Request-Id"]
    assert body["error"]["request_id"].startswith("req_")
    return body["error"]


@for_each(API)
def test_without_a_valid_key_no_method_of_the_api_answers(alice, bob, invalid_keys, route, ids):
    identifier = id_for(route, ids)
    before, told = counts(alice, bob), entries(alice)
    for name, header in invalid_keys.items():
        headers = {"Authorization": header} if header is not None else {}
        for method in METHODS:
            reply = send(Client(), method, route, identifier, headers=headers)
            if method not in API[route] and method != "HEAD":
                asks_first = method == "OPTIONS" and (route, "POST") in PUBLIC
                assert reply.status_code in ((204,) if asks_first else (401, 405)), (name, method)
                continue
            if method == "HEAD" and "GET" not in API[route]:
                assert reply.status_code in (401, 405), (name, method)
                continue
            assert reply.status_code == 401, (name, method)
            assert reply["WWW-Authenticate"] == "Bearer"
            if method != "HEAD":
                missing = name in ("no header", "no bearer", "empty")
                expected = "key_missing" if missing else "key_invalid"
                error = error_of(reply)
                assert (error["type"], error["code"]) == ("authentication_error", expected)
    assert counts(alice, bob) == before
    assert entries(alice) == told


@for_each(API)
def test_the_keys_of_a_suspended_tenant_open_nothing(alice, route, ids):
    identifier = id_for(route, ids)
    before = counts(alice)
    with alice.scope:
        Tenant.objects.update(suspended_at=now())
    for method in API[route]:
        reply = send(Client(), method, route, identifier, headers=alice.headers)
        assert (reply.status_code, error_of(reply)["code"]) == (401, "key_invalid")
    assert counts(alice) == before


@for_each(API)
def test_a_key_without_the_scope_is_denied_and_the_denial_recorded(alice, route, ids):
    """Acceptance statement 35: denials persist, although the request rolled back."""
    identifier = id_for(route, ids)
    asked = {**API[route], **({"HEAD": API[route]["GET"]} if "GET" in API[route] else {})}
    for method, right in asked.items():
        with alice.scope:
            _, text = create_key(
                name="all but one",
                scopes=[other.value for other in SCOPES if other != right],
                actor=alice.actor,
            )
        before, told = counts(alice), denials(alice)
        reply = send(
            Client(), method, route, identifier, headers={"Authorization": f"Bearer {text}"}
        )
        assert reply.status_code == 403, method
        if method != "HEAD":
            error = error_of(reply)
            assert (error["type"], error["code"]) == ("permission_error", "scope_missing")
            assert right.value in error["message"]
        assert counts(alice) == before
        assert denials(alice) == told + 1
        with alice.scope:
            entry = AuditEntry.objects.order_by("-seq").first()
            assert entry.detail.get().details == {"right": right.value, "method": method}
        assert (entry.object_id, entry.reason) == (route, "scope_missing")
        assert entry.actor_type == "key" and entry.request_id == reply["X-Request-Id"]


@for_each(API)
def test_a_key_with_the_scope_alone_is_let_in(alice, route):
    identifier = id_for(route, ids_in(alice)) if kind_of(route) else ""
    ready(route, alice)
    for method, right in API[route].items():
        with alice.scope:
            _, text = create_key(name="one", scopes=[right.value], actor=alice.actor)
        told = denials(alice)
        reply = send(
            Client(), method, route, identifier, headers={"Authorization": f"Bearer {text}"}
        )
        assert reply.status_code in (200, 201, 202), (method, reply.content)
        assert denials(alice) == told


@for_each(API)
def test_a_method_that_the_table_does_not_name_does_nothing(alice, route, ids):
    identifier = id_for(route, ids)
    before = counts(alice)
    known = {*API[route], *(("HEAD",) if "GET" in API[route] else ())}
    known |= {"OPTIONS"} if (route, "POST") in PUBLIC else set()
    for method in set(METHODS) - known:
        reply = send(Client(), method, route, identifier, headers=alice.headers)
        assert reply.status_code == 405, method
        if method != "HEAD":
            assert error_of(reply)["code"] == "method_not_allowed"
    assert counts(alice) == before


@for_each(route for route in API if kind_of(route))
def test_s36_another_tenants_key_finds_what_does_not_exist(alice, bob, route, ids):
    """Acceptance statement 36: the same answer, letter by letter, but for its request id."""
    foreign = id_for(route, ids)
    missing = public_id(kind_of(route), uuid7())
    for method in API[route]:
        before = counts(alice, bob)
        replies = [
            send(Client(), method, route, identifier, headers=bob.headers)
            for identifier in (foreign, missing, "nonsense")
        ]
        assert [reply.status_code for reply in replies] == [404] * 3
        errors = [error_of(reply) for reply in replies]
        assert len({error.pop("request_id") for error in errors}) == 3
        assert errors[0] == errors[1] == errors[2]
        assert counts(alice, bob) == before


def test_another_tenants_key_sees_only_its_own_list(alice, bob):
    ids_in(alice)
    reply = Client().get("/v1/uploads", headers=bob.headers)
    assert reply.json() == {"object": "list", "data": [], "has_more": False}


@for_each(PAGES)
def test_a_stranger_is_sent_to_the_sign_in(alice, route, ids):
    identifier = id_for(route, ids)
    before, told = counts(alice), entries(alice)
    for method in METHODS:
        reply = send(Client(), method, route, identifier)
        if reply.status_code == 405:
            assert method not in PAGES[route]
            continue
        assert reply.status_code == 302, method
        assert reply["Location"].startswith("/accounts/login/?next=")
    assert (counts(alice), entries(alice)) == (before, told)


@for_each(PAGES)
def test_a_member_without_the_right_is_denied_and_the_denial_recorded(alice, route, ids, browsers):
    identifier = id_for(route, ids)
    before = counts(alice)
    for method in METHODS:
        right = PAGES[route].get(method) or next(iter(PAGES[route].values()))
        for role in (role for role in Role if right not in RIGHTS_OF[role]):
            told = denials(alice)
            with nullcontext() if method == "GET" else undrawn():
                reply = send(browsers[role], method, route, identifier)
            if reply.status_code == 405:
                assert method not in PAGES[route]
                continue
            assert reply.status_code == 403, (role, method)
            assert denials(alice) == told + 1
            with alice.scope:
                entry = AuditEntry.objects.order_by("-seq").first()
                assert entry.detail.get().details == {"right": right.value, "method": method}
            assert (entry.object_id, entry.actor_role) == (route, role.value)
    assert counts(alice) == before


@for_each(PAGES)
def test_a_member_with_the_right_is_let_in(alice, route, browsers):
    """With an id that leads nowhere, so that no change of one role decides over the next."""
    missing = public_id(kind_of(route), uuid7()) if kind_of(route) else ""
    for method, right in PAGES[route].items():
        for role in (role for role in Role if right in RIGHTS_OF[role]):
            told = denials(alice)
            reply = send(browsers[role], method, route, missing)
            allowed = (404,) if kind_of(route) else (200, 302, 409, 422)
            assert reply.status_code in allowed, (role, method, reply.content[:300])
            assert denials(alice) == told


@for_each(route for route in PAGES if kind_of(route))
def test_s36_another_tenants_owner_finds_what_does_not_exist(alice, bob, route, ids):
    foreign = id_for(route, ids)
    client = bob.browser()
    for method in PAGES[route]:
        before = counts(alice, bob)
        reply = send(client, method, route, foreign)
        missing = send(client, method, route, public_id(kind_of(route), uuid7()))
        assert (reply.status_code, missing.status_code) == (404, 404)
        assert alice.tenant.name.encode() not in reply.content
        assert counts(alice, bob) == before


def test_a_tenant_that_is_not_ones_own_cannot_be_chosen(alice, bob):
    client = bob.browser()
    session = client.session
    session["tenant_id"] = str(alice.tenant.id)
    session.save()
    assert client.get("/data/").context["request"].tenant.id == bob.tenant.id


def test_a_person_without_a_tenant_is_told_so(db):
    person = Person.objects.create_user("new@example.com", "correct horse battery")
    client = signed_in(person)
    for route in PAGES:
        for method in PAGES[route]:
            assert send(client, method, route, "x").status_code == 403, route


@pytest.mark.parametrize("route", sorted(PERSONAL))
def test_what_is_the_persons_own_asks_for_a_sign_in(db, route):
    reply = Client().get(f"/{route}")
    assert (reply.status_code, reply["Location"].split("?")[0]) == (302, "/accounts/login/")


@pytest.mark.parametrize(
    "route", [route for route in sorted(OPEN) if "(?P" not in route and "<" not in route]
)
def test_what_is_open_to_everybody_breaks_for_nobody(db, route):
    assert Client().get(f"/{route}").status_code in (200, 302, 405)


@pytest.mark.parametrize(
    "content, status, code",
    [
        (b"{", 400, "parse_error"),
        (b"[]", 400, "invalid_value"),
        (b'{"user_id": "u\\u0000"}', 400, "invalid_value"),
        (b"\xff", 400, "parse_error"),
        (b"[" * 100_000, 400, "parse_error"),
    ],
)
def test_a_broken_body_is_an_error_in_the_one_form(alice, content, status, code):
    before = counts(alice)
    reply = Client().post(
        "/v1/consents", content, content_type="application/json", headers=alice.headers
    )
    assert (reply.status_code, error_of(reply)["code"]) == (status, code)
    assert counts(alice) == before


def test_a_body_of_another_type_is_an_error_in_the_one_form(alice):
    reply = Client().post("/v1/consents", "x", content_type="text/plain", headers=alice.headers)
    assert (reply.status_code, error_of(reply)["code"]) == (415, "unsupported_media_type")


def test_every_answer_carries_a_request_id_that_the_caller_did_not_choose(alice):
    chosen = {"X-Request-Id": "mine"}
    for path in ("/healthz", "/v1/uploads", "/nowhere", "/", "/accounts/login/"):
        found = Client().get(path, headers=chosen)["X-Request-Id"]
        assert found.startswith("req_") and len(found) == 26


def test_everybody_meets_at_every_address_exactly_what_the_table_says(alice, bob, charlie):
    """Every route × method × identity; an answer outside the table or a secret in it fails."""
    with open_limits(alice, bob):
        people = identities(alice, bob, charlie)
        wrong = [visit for visit in walk(alice, people, undone) if not visit.right]
    assert wrong == []
    assert len(people) > 20
