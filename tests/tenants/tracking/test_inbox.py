"""The inbox of tracking requests: what was acknowledged is kept, sealed, and landed once."""

import gc
import json
import os
import time
from datetime import timedelta
from signal import SIGKILL

import pytest
from cryptography.exceptions import InvalidTag
from django.db import OperationalError, connection
from django.test import Client
from django.utils.timezone import now

from tenants.accounts.models import Tenant
from tenants.behaviour.models import Event, EventBatch, WaitingRequest
from tenants.behaviour.streaming import inbox
from tenants.behaviour.streaming.inbox import body_of, give_up
from tenants.consent.models import ConsentRecord
from tenants.consent.vocabulary import ConsentEvent
from tenants.erasure.services import begin_erasure
from tenants.erasure.sweeping import run as sweep
from tenants.ids import parse_id
from tenants.isolation.scope import tenant_scope
from tenants.subjects.directory import known
from tenants.tracking import landing
from tenants.tracking.landing import land, look
from tenants.work import queue
from tests.tenants.behaviour.uploads import agree, tell
from tests.tenants.tracking.calls import call, landed, passed, stored, track

TAKEN = {"success": True}


@pytest.fixture(autouse=True)
def fresh():
    """No process remembers that there was room a moment ago."""
    inbox._ROOM.clear()


@pytest.fixture
def ready(alice):
    agree(alice, "u1")
    return alice


def take(business, *messages, **headers):
    """Send a batch; the public id of its record to be."""
    reply = call(business, "/v1/batch", {"batch": list(messages)}, **headers)
    assert (reply.status_code, reply.json()) == (200, TAKEN), reply.content
    return reply["Event-Batch-Id"]


def waiting(business) -> list[WaitingRequest]:
    with business.scope:
        return list(WaitingRequest.objects.order_by("id"))


def told(business, batch_id: str):
    return Client().get(f"/v1/event_batches/{batch_id}", headers=business.headers)


def test_an_acknowledged_request_waits_plainly_and_is_then_landed_under_its_id(ready, bob):
    batch_id = take(ready, track("Product Viewed"), track("Song Played"))
    answer = told(ready, batch_id).json()
    assert (answer["id"], answer["state"]) == (batch_id, "waiting")
    assert set(answer) == {"id", "object", "state", "created_at"}
    assert told(bob, batch_id).status_code == 404
    landed(ready)
    after = told(ready, batch_id).json()
    assert (after["state"], after["accepted"], after["rejected"]) == ("landed", 1, 1)
    assert after["created_at"] == answer["created_at"]
    assert waiting(ready) == []


def test_what_waits_shows_no_raw_id_in_the_database_and_opens_for_its_own_row_alone(ready):
    take(ready, track("Product Viewed", userId="somebody-told"))
    take(ready, track("Product Viewed"))
    with connection.cursor() as cursor, ready.scope:
        cursor.execute("select t::text, sealed from behaviour_waitingrequest t order by id")
        for text, sealed in cursor.fetchall():
            assert "somebody-told" not in text and b"somebody-told" not in bytes(sealed)
    one, other = waiting(ready)
    assert json.loads(body_of(one))["batch"][0]["userId"] == "somebody-told"
    other.sealed = one.sealed
    with pytest.raises(InvalidTag):
        body_of(other)


def test_another_tenant_neither_sees_nor_lands_what_waits(ready, bob):
    take(ready, track("Product Viewed"))
    assert waiting(bob) == []
    landed(bob)
    assert len(waiting(ready)) == 1


def test_messages_that_come_twice_count_once_though_both_requests_wait(ready):
    message = track("Product Viewed", messageId="m-1")
    take(ready, message)
    take(ready, message)
    assert len(stored(ready)) == 1
    with ready.scope:
        counts = EventBatch.objects.order_by("id").values_list("accepted", "duplicate")
        assert list(counts) == [(1, 0), (0, 1)]


def test_without_a_time_an_act_happened_when_it_was_received(ready):
    take(ready, track("Product Viewed"))
    received = waiting(ready)[0].received_at
    landed(ready)
    with ready.scope:
        assert Event.objects.get().occurred_at == received


def test_what_lay_ahead_when_a_request_came_still_does_when_it_is_landed_late(ready):
    """Where nothing is said of when it was sent, a clock that is ahead shows by when it came."""
    received = now() - timedelta(hours=2)
    ahead, behind = received + timedelta(hours=1), received - timedelta(hours=1)
    batch_id = take(
        ready,
        track("Product Viewed", timestamp=ahead.isoformat()),
        track("Product Viewed", timestamp=behind.isoformat()),
    )
    take(ready, track("Product Viewed", timestamp=ahead.isoformat()))
    with ready.scope:
        old = WaitingRequest.objects.filter(pk=parse_id("event batch", batch_id))
        old.update(received_at=received)
    landed(ready)
    with ready.scope:
        batches = list(EventBatch.objects.order_by("id"))
    assert [passed(one) for one in batches] == [{("future_time", ""): 1}, {}]
    assert [one.accepted for one in batches] == [1, 1]


def test_who_withdraws_before_the_landing_is_not_stored(ready):
    take(ready, track("Product Viewed"))
    tell(ready, ConsentEvent.WITHDRAWN, ["u1"])
    batch_id = waiting(ready)[0].public_id
    landed(ready)
    assert told(ready, batch_id).json()["quarantined"] == 1
    with ready.scope:
        assert not Event.objects.exists()


def test_a_request_to_stop_takes_effect_before_the_answer(ready):
    batch_id = take(ready, track("Product Viewed"), **{"Sec-GPC": "1"})
    assert waiting(ready) == []
    assert told(ready, batch_id).json()["state"] == "landed"
    with ready.scope:
        assert ConsentRecord.objects.filter(event="opted_out").exists()


def test_a_landing_that_breaks_off_leaves_everything_waiting_and_lands_it_once_later(
    ready, monkeypatch
):
    take(ready, track("Product Viewed"))
    take(ready, track("Product Viewed", userId="u1", properties={"product_id": "shade"}))
    real = landing.land_together

    def away(requests, *, trusted):
        real(requests, trusted=trusted)
        raise OperationalError("gone")

    monkeypatch.setattr(landing, "land_together", away)
    monkeypatch.setattr(landing, "is_away", lambda error: isinstance(error, OperationalError))
    with pytest.raises(OperationalError):
        land(ready.tenant.id)
    assert [one.attempts for one in waiting(ready)] == [0, 0]
    with ready.scope:
        assert not Event.objects.exists()
    monkeypatch.undo()
    assert [item for _, item, _, _ in stored(ready)] == ["lamp", "shade"]


def test_acknowledged_events_survive_a_kill_in_the_middle_of_a_landing(committed):
    carol = committed("Carol")
    agree(carol, "u1")
    for number in range(3):
        take(carol, track("Product Viewed", {"product_id": f"i{number}"}))
    connection.close()
    child = os.fork()
    if child == 0:  # stops for ever behind its rows, before the commit
        real = landing.land_together

        def stop(requests, *, trusted):
            real(requests, trusted=trusted)
            time.sleep(600)

        landing.land_together = stop
        try:
            land(carol.tenant.id)
        finally:
            os._exit(1)
    time.sleep(1.5)
    os.kill(child, SIGKILL)
    os.waitpid(child, 0)
    assert len(waiting(carol)) == 3
    assert sorted(item for _, item, _, _ in stored(carol)) == ["i0", "i1", "i2"]
    assert waiting(carol) == []
    with carol.scope:
        assert EventBatch.objects.count() == 3


def test_a_poisoned_body_blocks_nobody_and_is_seen_to_be_held_up(ready, monkeypatch):
    batch_id = take(ready, track("Product Viewed"))
    take(ready, track("Product Viewed", {"product_id": "shade"}))
    with ready.scope:
        WaitingRequest.objects.filter(pk=parse_id("event batch", batch_id)).update(sealed=b"x" * 40)
    assert [item for _, item, _, _ in stored(ready)] == ["shade"]
    (left,) = waiting(ready)
    assert (left.attempts, left.fault, left.public_id) == (1, "InvalidTag", batch_id)
    monkeypatch.setattr(landing, "SOON", timedelta(0))
    with ready.scope:
        WaitingRequest.objects.update(retry_at=now())
    for _ in range(4):
        land(ready.tenant.id)
    (left,) = waiting(ready)
    assert left.retry_at - now() > timedelta(minutes=59)
    assert told(ready, batch_id).json()["state"] == "held_up"
    assert not land(ready.tenant.id)


def test_what_is_held_up_for_a_month_ends_with_a_record_that_says_so(ready):
    batch_id = take(ready, track("Product Viewed"), track("Product Viewed"))
    long_ago = now() - landing.KEPT - timedelta(days=1)
    with ready.scope:
        WaitingRequest.objects.update(attempts=5, received_at=long_ago, retry_at=now())
    look(ready.tenant.id)
    assert waiting(ready) == []
    assert told(ready, batch_id).status_code == 404  # its record has an id of its own time
    with ready.scope:
        batch = EventBatch.objects.get()
    assert (batch.received, batch.rejected) == (2, 2)
    assert passed(batch) == {("not_landed", ""): 2}


def test_the_periodic_duty_rings_for_what_nobody_was_rung_for(ready, monkeypatch):
    rung = []
    monkeypatch.setattr(landing, "ring_again", rung.append)
    look(ready.tenant.id)
    assert rung == []
    take(ready, track("Product Viewed"))
    look(ready.tenant.id)
    assert rung == [ready.tenant.id]


def test_a_ring_is_given_once_until_somebody_looks(alice, monkeypatch):
    rung = []
    monkeypatch.setattr(inbox, "ring_again", rung.append)
    inbox.heard(alice.tenant.id)
    inbox.ring(alice.tenant.id)
    inbox.ring(alice.tenant.id)
    assert len(rung) == 1
    inbox.heard(alice.tenant.id)
    inbox.ring(alice.tenant.id)
    assert len(rung) == 2
    inbox.heard(alice.tenant.id)


def test_so_much_is_landed_at_once_and_the_rest_in_the_next_turn(ready, monkeypatch):
    monkeypatch.setattr(landing, "MOST_ACTS", 2)
    for number in range(3):
        take(ready, track("Product Viewed", {"product_id": f"i{number}"}))
    assert land(ready.tenant.id)
    assert len(waiting(ready)) == 1
    assert not land(ready.tenant.id)
    assert len(stored(ready)) == 3


def test_when_too_much_waits_requests_are_refused_until_some_is_landed(ready, monkeypatch):
    monkeypatch.setattr(inbox, "MOST_WAITING", 1)
    take(ready, track("Product Viewed"))
    inbox._ROOM.clear()
    refused = call(ready, "/v1/batch", {"batch": [track("Product Viewed")]})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_much_waits")
    assert int(refused["Retry-After"]) >= 5
    landed(ready)
    take(ready, track("Product Viewed"))


def test_the_months_limit_refuses_new_requests_and_lands_what_was_acknowledged(ready):
    take(ready, track("Product Viewed"))
    with ready.scope:
        Tenant.objects.filter(pk=ready.tenant.id).update(granted={"events_per_month": 0})
    inbox._ROOM.clear()
    refused = call(ready, "/v1/batch", {"batch": [track("Product Viewed")]})
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
    assert len(stored(ready)) == 1


def test_a_suspended_tenants_requests_wait(ready):
    take(ready, track("Product Viewed"))
    with ready.scope:
        Tenant.objects.filter(pk=ready.tenant.id).update(suspended_at=now())
    assert not land(ready.tenant.id)
    assert len(waiting(ready)) == 1


def test_an_erasure_lands_what_waits_and_keeps_nothing_of_the_person(ready):
    agree(ready, "u2")
    take(ready, track("Product Viewed"), track("Product Viewed", userId="u2"))
    broken = take(ready, track("Product Viewed"))
    with ready.scope:
        WaitingRequest.objects.filter(pk=parse_id("event batch", broken)).update(
            attempts=5, retry_at=now() + timedelta(hours=1)
        )
        subject = known(["u1"])["u1"]
        erasure = begin_erasure(subject_id=subject, actor=ready.actor)
        assert erasure.before["waiting_requests"] == 2
    lease = queue.take("erasure", tenant_id=ready.tenant.id, object_id=erasure.pk)
    sweep(lease)
    assert waiting(ready) == []
    assert [user for user, _, _, _ in stored(ready)] == ["u2"]
    with tenant_scope(ready.tenant.id):
        erasure.refresh_from_db()
        assert erasure.after["waiting_requests"] == 0
    assert told(ready, broken).json()["outcomes"][0]["code"] == "not_landed"


def test_ending_requests_counts_them(ready):
    take(ready, track("Product Viewed"))
    with ready.scope:
        assert give_up(received_by=now(), held_up=True) == 0
        assert give_up(received_by=now(), held_up=False) == 1


def test_a_fault_that_is_no_requests_ends_the_round_instead_of_asking_for_ever(ready, monkeypatch):
    take(ready, track("Product Viewed", messageId="m1"))

    def broken():
        raise RuntimeError("what waits cannot be chosen")

    monkeypatch.setattr(landing, "_choose", broken)
    with pytest.raises(RuntimeError):
        landed(ready)
    monkeypatch.undo()
    landed(ready)
    assert len(stored(ready)) == 1


def test_a_round_leaves_the_collection_of_garbage_as_it_was(ready):
    take(ready, track("Product Viewed"))
    landed(ready)
    assert gc.isenabled()
    gc.disable()
    try:
        take(ready, track("Product Viewed"))
        landed(ready)
        assert not gc.isenabled()
    finally:
        gc.enable()
