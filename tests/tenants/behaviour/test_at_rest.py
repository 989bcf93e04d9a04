"""Nobody's own id stands anywhere at rest: not in a table, a file, Redis or the log."""

import json
import uuid
from io import BytesIO

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from tenants.audit.sealing import seal
from tenants.behaviour.arriving import vault
from tenants.work.run import run_waiting
from tests.tenants.behaviour.uploads import accept, agree, events, tell
from tests.tenants.consent.acts import archive, post

SEEDED, ASKED = f"person-{uuid.uuid4().hex}", f"visitor-{uuid.uuid4().hex}"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def busy(alice):
    """Alice's tenant after events, held rows, consents, a refused row, answers and a wait."""
    from tenants.consent.vocabulary import ConsentEvent

    agree(alice, SEEDED)
    rows = [(SEEDED, "i1", "01"), (SEEDED, "i1", "99"), (ASKED, "i2", "02")]
    accept(alice, events(*rows))
    run_waiting("default")
    tell(alice, ConsentEvent.WITHDRAWN, [SEEDED], days=5)
    archive(alice, version="2", body=b"Other words.")
    assert post(alice, user_id=ASKED, purpose="service", event="refused").status_code == 201
    for person in (SEEDED, ASKED):
        reply = Client().get(f"/v1/recommendations?user_id={person}", headers=alice.headers)
        assert reply.status_code == 200
    assert alice.browser().post("/try/", {"user_id": SEEDED}).status_code == 200
    seal(alice.tenant.id)
    accept(alice, events(*rows))
    return alice


def spellings(person: str) -> list[bytes]:
    """The id as text, and as the database prints bytes."""
    return [person.encode(), person.encode().hex().encode()]


def test_no_column_of_any_table_holds_it(busy):
    """Acceptance statements 21 and 34."""
    with busy.scope, connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = 'public'")
        tables = [table for (table,) in cursor.fetchall()]
        seen = 0
        for table in tables:
            cursor.execute(f"select t::text from {table} t")
            rows = [row.encode() for (row,) in cursor.fetchall()]
            seen += len(rows)
            for person in (SEEDED, ASKED):
                for spelling in spellings(person):
                    assert not any(spelling in row for row in rows), table
    assert len(tables) > 30 and seen > 30


def test_no_file_holds_it(busy, folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 1, "one upload waits"
    for person in (SEEDED, ASKED):
        assert person.encode() not in files[0].read_bytes()
        assert (
            person.encode()
            in vault.opened(*map(uuid.UUID, files[0].relative_to(folder).parts)).read()
        ), "the search would find it"


def test_redis_holds_it_neither_in_a_name_nor_in_a_value(busy):
    redis = cache._cache.get_client()
    for person in (SEEDED, ASKED):
        for name in redis.scan_iter(count=1000):
            held = json.dumps(repr(redis.dump(name)))
            assert person not in repr(name) + held


def test_no_log_line_holds_it(alice, caplog):
    caplog.set_level("DEBUG")
    archive(alice)
    accept(alice, events((SEEDED, "i1", "01"), (SEEDED, "i1", "99")))
    run_waiting("default")
    file = BytesIO(f"user_id\n{SEEDED}\n".encode())
    file.name = "x.csv"
    Client().post("/v1/uploads", {"kind": "events", "file": file}, headers=alice.headers)
    run_waiting("default")
    post(alice, user_id=SEEDED, purpose="nothing", event="given")
    Client().get(f"/v1/recommendations?user_id={SEEDED}&limit=x", headers=alice.headers)
    assert SEEDED not in caplog.text
