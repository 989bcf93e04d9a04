"""A write that is sent twice happens once; what is kept of it tells nobody anything."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils.timezone import now

from tenants.access.idempotency import expire
from tenants.access.models import IdempotentAnswer
from tenants.accounts.keys import create_key
from tenants.consent.models import ConsentRecord

CONSENT = {"user_id": "shopper-of-alice", "purpose": "analytics", "event": "withdrawn"}


def send(business, name: str, body: dict[str, str] = CONSENT, **headers: str):
    return Client().post(
        "/v1/consents", body, content_type="application/json",
        headers={**business.headers, "Idempotency-Key": name, **headers},
    )  # fmt: skip


def records(business) -> int:
    with business.scope:
        return ConsentRecord.objects.count()


def test_the_same_write_sent_twice_happens_once_and_answers_the_same(alice):
    first, second = send(alice, "one"), send(alice, "one")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert first["X-Request-Id"] != second["X-Request-Id"]
    assert records(alice) == 1


def test_without_the_header_each_write_happens(alice):
    for _ in range(2):
        Client().post(
            "/v1/consents", CONSENT, content_type="application/json", headers=alice.headers
        )
    assert records(alice) == 2


def test_another_body_under_the_same_name_is_a_conflict_and_changes_nothing(alice):
    send(alice, "one")
    reply = send(alice, "one", {**CONSENT, "purpose": "service"})
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (
        409, "idempotency_conflict", "Idempotency-Key",
    )  # fmt: skip
    assert records(alice) == 1


def test_the_order_of_fields_makes_no_other_body(alice):
    send(alice, "one")
    turned = dict(reversed(CONSENT.items()))
    assert send(alice, "one", turned)["Idempotent-Replayed"] == "true"


def test_a_refused_write_keeps_nothing_so_that_it_may_be_sent_again(alice):
    assert send(alice, "one", {**CONSENT, "event": "wrong"}).status_code == 400
    with alice.scope:
        assert not IdempotentAnswer.objects.exists()
    assert send(alice, "one").status_code == 201


def test_names_of_two_tenants_are_apart(alice, bob):
    send(alice, "one")
    assert "Idempotent-Replayed" not in send(bob, "one")
    assert (records(alice), records(bob)) == (1, 1)


def test_a_new_key_of_the_tenant_replays_what_the_old_one_sent(alice):
    first = send(alice, "one")
    with alice.scope:
        _, text = create_key(name="new", scopes=["consents:write"], actor=alice.actor)
    second = send(alice, "one", Authorization=f"Bearer {text}")
    assert second.json() == first.json()
    assert records(alice) == 1


def test_a_key_without_the_scope_is_denied_before_anything_is_replayed(alice):
    send(alice, "one")
    with alice.scope:
        _, text = create_key(name="reader", scopes=["events:read"], actor=alice.actor)
    assert send(alice, "one", Authorization=f"Bearer {text}").status_code == 403


@pytest.mark.parametrize("name", ["", "a b", "é", "x" * 256])
def test_a_name_that_cannot_be_one_is_refused(alice, name):
    reply = send(alice, name)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "bad_idempotency_key")
    assert records(alice) == 0


def test_what_is_kept_holds_nothing_in_the_clear(alice):
    reply = send(alice, "order-4711")
    with alice.scope, connection.cursor() as cursor:
        cursor.execute("select row_to_json(a)::text, encode(name, 'escape'), "
                       "encode(request, 'escape'), encode(sealed, 'escape') "
                       "from access_idempotentanswer a")  # fmt: skip
        (texts,) = cursor.fetchall()
    kept = "".join(texts)
    for secret in (CONSENT["user_id"], reply.json()["id"], "analytics", "order-4711"):
        assert secret not in kept
        assert secret.encode().hex() not in kept


def test_after_a_day_a_name_is_free_again(alice):
    send(alice, "one")
    with alice.scope:
        IdempotentAnswer.objects.update(created_at=now() - timedelta(hours=25))
    assert "Idempotent-Replayed" not in send(alice, "one")
    assert records(alice) == 2


def test_the_duty_forgets_what_is_older_than_a_day_and_nothing_else(alice, bob):
    for business in (alice, bob):
        send(business, "old")
        with business.scope:
            IdempotentAnswer.objects.update(created_at=now() - timedelta(hours=25))
    send(alice, "new")
    expire(alice.tenant.id)
    with alice.scope:
        assert IdempotentAnswer.objects.count() == 1
    with bob.scope:
        assert IdempotentAnswer.objects.count() == 1


def test_twins_that_come_at_once_happen_once(committed):
    alice = committed("Alice")

    def one(_: int):
        try:
            return send(alice, "twin")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(one, range(6)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.json()["id"] for reply in replies}) == 1
    assert sum("Idempotent-Replayed" in reply for reply in replies) == 5
    assert records(alice) == 1


def test_a_file_that_is_sent_twice_is_one_upload_whatever_its_boundary(alice):
    from tests.access_table import csv_file

    replies = [
        Client().post(
            "/v1/uploads", {"kind": "events", "file": csv_file()},
            headers={**alice.headers, "Idempotency-Key": "file"},
        )
        for _ in range(2)
    ]  # fmt: skip
    assert [reply.status_code for reply in replies] == [202, 202]
    assert replies[0].json()["id"] == replies[1].json()["id"]


def test_a_replay_needs_the_right_that_the_write_needed(alice):
    from tests.shop import consents

    content = consents(range(1))

    def sent(scopes: list[str]):
        with alice.scope:
            _, text = create_key(name="k", scopes=scopes, actor=alice.actor)
        file = BytesIO(content)
        file.name = "consents.csv"
        return Client().post(
            "/v1/uploads", {"kind": "consents", "file": file},
            headers={"Authorization": f"Bearer {text}", "Idempotency-Key": "file"},
        )  # fmt: skip

    assert sent(["consents:write"]).status_code == 202
    assert sent(["events:write"]).status_code == 403
    assert sent(["consents:write"])["Idempotent-Replayed"] == "true"
