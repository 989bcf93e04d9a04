"""The database is away: the rounds of periodic work tell so in one line, without a traceback."""

import logging
from uuid import uuid4

import pytest
from django.db import OperationalError, connection

from tenants.work import away, duties, queue, tasks


def gone(*_: object) -> None:
    raise OperationalError("the server closed the connection")


@pytest.mark.parametrize("round_of", ["reap", "tenant_duties", "look"])
def test_a_round_is_left_out_while_the_database_is_away(round_of, monkeypatch, caplog):
    monkeypatch.setattr(away, "is_away", lambda error: True)
    monkeypatch.setattr(queue, "reap", gone)
    monkeypatch.setattr(duties, "run_all", gone)
    monkeypatch.setattr(tasks, "run_waiting", gone)
    getattr(tasks, round_of)(*(["default"] if round_of == "look" else []))
    (told,) = caplog.records
    assert told.levelno == logging.WARNING and told.exc_info is None
    assert "the database is away" in told.getMessage()


def test_an_error_of_a_question_is_no_missing_database(db, monkeypatch):
    monkeypatch.setattr(queue, "reap", gone)
    with pytest.raises(OperationalError):
        tasks.reap()


def test_one_line_tells_of_all_duties_that_must_wait(monkeypatch, settings, caplog):
    settings.TENANT_DUTIES = [f"{__name__}.gone"] * 3
    monkeypatch.setattr(duties, "standing", lambda: [uuid4(), uuid4()])
    for module in (away, duties):
        monkeypatch.setattr(module, "is_away", lambda error: True)
    tasks.tenant_duties()
    assert len(caplog.records) == 1


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_known_by_itself(committed):
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        own = cursor.fetchone()[0]
    with pytest.raises(OperationalError) as caught, connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s)", [own])
    assert away.is_away(caught.value)
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    assert not away.is_away(caught.value) and not away.is_away(ValueError())
