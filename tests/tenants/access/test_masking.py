"""No line of any log holds a secret or says who it is about, its traceback included."""

import logging
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import DataError, IntegrityError, connection

from tenants.access.log_lines import MaskedFormatter, masked
from tenants.accounts.models import Person
from tenants.accounts.tokens import KINDS, LIVE, TEST, new_token
from tenants.ids import uuid7
from tenants.isolation.scope import sign_in_scope

KEY = new_token(uuid7()).text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", [LIVE, TEST])
def test_an_api_key_keeps_its_kind_alone(kind, mode):
    text = new_token(uuid7(), kind, mode).text
    assert masked(f"key {text} refused") == f"key ak_{kind}_{mode}_… refused"
    assert masked(text[:50]) == f"ak_{kind}_{mode}_…"


@pytest.mark.parametrize(
    "line, left",
    [
        (f"Authorization: Bearer {KEY}", "Authorization: …"),
        ("{'Authorization': 'Basic dXNlcjpwdw=='}", "{'Authorization': '…'}"),
        ("sent Bearer eyJhbGciOi.J9 there", "sent Bearer … there"),
        ("Cookie: sessionid=abc; csrftoken=def", "Cookie: …"),
        ("mail to ada.l+x@shop.example.com bounced", "mail to …@… bounced"),
        ("postgresql://app:p:w!@db:5432/attune", "postgresql://app:…@db:5432/attune"),
        ("redis://:pw@127.0.0.1:6379/0", "redis://:…@127.0.0.1:6379/0"),
        ("dbname=attune password=hunter2 host=db", "dbname=attune password=… host=db"),
        ('{"password": "hunter2", "a": 1}', '{"password": "…", "a": 1}'),
        ("GET /v1/recommendations?user_id=4711&limit=3 200", "GET /v1/recommendations?… 200"),
        ("https://a.example/v1/uploads?user_id=4711", "https://a.example/v1/uploads?…"),
        ("DETAIL:  Key (email)=(ada) already exists.", "DETAIL: …"),
        ("  CONTEXT:  COPY landed, line 3: 4711", "  CONTEXT: …"),
        ('invalid input syntax for type uuid: "4711"', "invalid input syntax for type uuid: …"),
    ],
)
def test_what_is_secret_or_personal_is_left_out(line, left):
    assert masked(line) == left


@pytest.mark.parametrize(
    "line",
    [
        "Not Found: /v1/uploads",
        "lease lost: upload 0198c6b2-8f4a-7c10-9a55-2f6f6e9b3c11",
        "starts again in 2 s; log: var/log/web.log",
        "attempt 3 of job",
        "Is it so? Yes.",
    ],
)
def test_what_is_neither_stays_readable(line):
    assert masked(line) == line


@pytest.fixture
def log():
    """A logger as the settings make its handler; its text."""
    form = {**settings.LOGGING["formatters"]["line"]}
    assert form.pop("()") == "tenants.access.log_lines.MaskedFormatter"
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(MaskedFormatter(form["fmt"], defaults={"request_id": "-"}))
    logger = logging.getLogger("tests.masking")
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def test_a_line_is_one_line_in_utc_whatever_a_caller_sends(log):
    logger, stream = log
    logger.warning("Not Found: %s", "/x\n2026-01-01 CRITICAL forged\r\x1b[31m\x9b1m")
    (line,) = stream.getvalue().splitlines()
    assert r"/x\x0a2026-01-01 CRITICAL forged\x0d\x1b[31m\x9b1m" in line
    assert line.split(" ")[0].endswith("Z")


def logged(log, failing) -> str:
    logger, stream = log
    try:
        failing()
    except Exception:
        logger.exception("it failed")
    assert "Traceback" in stream.getvalue()
    return stream.getvalue()


def test_the_traceback_of_a_double_holds_no_value_of_a_row(db, log):
    address = "ada-4711@localhost"  # a traceback shows lines of code, so not in those below

    def twice():
        with pytest.raises(IntegrityError) as raised, sign_in_scope(address):
            Person.objects.create(email=address)
            Person.objects.create(email=address)
        raise raised.value

    text = logged(log, twice)
    assert "duplicate key value violates unique constraint" in text
    assert "4711" not in text


def test_the_traceback_of_a_bad_value_does_not_repeat_it(db, log):
    person = "person-4711"

    def ask():
        with pytest.raises(DataError) as raised, connection.cursor() as cursor:
            cursor.execute("select %s::uuid", [person])
        raise raised.value

    text = logged(log, ask)
    assert "invalid input syntax for type uuid" in text
    assert "4711" not in text


def test_the_embedded_database_writes_no_values_into_its_log(db):
    """As the server of this test run says, which the launcher started as it always does."""
    if settings.DATABASES["default"]["HOST"] != "127.0.0.1":
        pytest.skip("another database than the embedded one")
    with connection.cursor() as cursor:
        wanted = {
            "log_min_messages": "log",
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "log_parameter_max_length": "0",
            "log_parameter_max_length_on_error": "0",
            "log_statement": "none",
            "log_min_duration_statement": "-1",
        }
        found = {}
        for name in wanted:
            cursor.execute(f"show {name}")
            found[name] = cursor.fetchone()[0]
    assert found == wanted


def test_an_error_leaves_no_value_in_the_databases_log(db):
    path = settings.VAR / "log" / "postgres.log"
    if not path.exists():
        pytest.skip("another database than the embedded one")
    options = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST"}
    found = {name: settings.DATABASES["default"][key] for name, key in options.items()}
    with psycopg.connect(**found, port=settings.DATABASES["default"]["PORT"]) as database:
        with pytest.raises(psycopg.DataError):
            database.execute("select %s::int -- person-4711", ["person-4712"])
        database.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute("set log_min_error_statement = 'error'")
    assert "person-471" not in path.read_text()


def test_an_unknown_exception_never_loses_its_type_and_place(log):
    text = logged(log, lambda: {}["x"])
    assert "KeyError" in text and Path(__file__).name in text


@pytest.mark.parametrize("long", ["/" * 8_000, "a.b-" * 2_000, "x@" * 4_000, "redis://" * 1_000])
def test_a_line_that_a_sender_made_long_is_cut_before_it_is_looked_at(long):
    line = masked(f"Not Found: {long}\nnext")
    assert len(line) < 1_100
    assert line.endswith("…\nnext")
