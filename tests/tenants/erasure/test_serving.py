"""Nobody is answered before the ledger of erasures was compared with the database."""

import json
from threading import Event, Thread

import pytest
from django.db import InterfaceError, OperationalError

from tenants.access.middleware import REQUEST_ID
from tenants.erasure import replaying, serving
from tenants.erasure.ledger import LedgerDamaged
from tenants.erasure.serving import AfterReplay
from tenants.isolation.depot import StoreUnreachable


def answers(application) -> tuple[str, bytes]:
    told = []
    body = application(
        {REQUEST_ID: "req_1", "PATH_INFO": "/"}, lambda status, headers: told.append(status)
    )
    return told[0], b"".join(body)


def ready(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]


def refused(application) -> bool:
    status, body = answers(application)
    return status.startswith("503") and json.loads(body)["error"]["code"] == "unavailable"


def test_what_was_compared_at_the_start_is_not_compared_again(monkeypatch):
    monkeypatch.setattr(serving, "replay_before_serving", lambda: pytest.fail("again"))
    assert answers(AfterReplay(ready, compared=True)) == ("200 OK", b"hello")


@pytest.mark.parametrize("away", [OperationalError, InterfaceError])
def test_a_database_that_was_away_is_compared_before_the_first_answer(db, monkeypatch, away):
    monkeypatch.setattr(replaying.connection, "close", lambda: None)
    found = [away("no database"), 2]

    def replay_all():
        one = found.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    monkeypatch.setattr(replaying, "replay_all", replay_all)
    application = AfterReplay(ready, compared=False)
    assert refused(application)
    assert [answers(application)[0] for _ in range(3)] == ["200 OK"] * 3
    assert found == []


@pytest.mark.parametrize("fault", [LedgerDamaged, StoreUnreachable])
def test_a_ledger_that_cannot_be_read_answers_nobody(monkeypatch, fault):
    def replay():
        raise fault("x")

    monkeypatch.setattr(serving, "replay_before_serving", replay)
    application = AfterReplay(ready, compared=False)
    assert refused(application) and refused(application)


def test_who_comes_while_one_compares_is_refused_and_does_not_wait(monkeypatch):
    begun, go_on = Event(), Event()

    def replay():
        begun.set()
        return go_on.wait(30)

    monkeypatch.setattr(serving, "replay_before_serving", replay)
    application = AfterReplay(ready, compared=False)
    first = []
    thread = Thread(target=lambda: first.append(answers(application)[0]))
    thread.start()
    assert begun.wait(30)
    assert refused(application)
    go_on.set()
    thread.join(30)
    assert first == ["200 OK"]
