"""How processes of the real web server begin, stop and die, and what they leave to the database."""

import gc
import json
import os
import re
import select
import socket
import time
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from subprocess import Popen
from threading import Thread

import production
import psycopg
import pytest
from django.db import connection

from launcher.leftovers import started
from launcher.places import ROOT
from launcher.ports import any_free
from launcher.table import product
from tenants.access.thread_connections import ThreadConnections
from tests.doors import ask
from tests.web_server import WebServer, answers, served, stop, until

BODY = b'{"user_id": "u1", "purpose": "analytics", "event": "withdrawn"}'


def begin_request(server: WebServer, key: str) -> socket.socket:
    """A request whose view waits for its body when this returns."""
    line = server.connect()
    line.sendall(
        b"POST /v1/consents HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n"
        % (key.encode(), len(BODY))
    )
    assert line.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    return line


def refuses(server: WebServer) -> bool:
    try:
        server.connect(1).close()
    except ConnectionError:
        return True
    return False


def hears(pid: int, kind: Signals) -> bool:
    """Whether the process has a handler of its own, or its parent's, for this signal."""
    found = re.search(r"SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    return found is not None and bool(int(found[1], 16) >> (kind - 1) & 1)


@pytest.mark.parametrize("kind", [SIGTERM, SIGINT])
def test_a_request_under_way_ends_with_its_answer(committed, tmp_path, kind: Signals):
    alice = committed("Alice")
    with served(tmp_path) as server:
        idle = [server.connect() for _ in range(5)]
        line = begin_request(server, alice.key)
        server.server.send_signal(kind)
        until(lambda: server.log.read_text().count("Stopping worker") == 2, "both were told")
        line.sendall(BODY)
        assert line.recv(1000).startswith(b"HTTP/1.1 201 ")
        # Connections on which nothing was asked hold it no longer.
        assert server.server.wait(timeout=5) == 0
        assert [each.recv(1) for each in idle] == [b""] * 5


def test_a_stop_is_heard_while_processes_begin(django_db_setup, tmp_path):
    """One that is signalled while it loads has no handler of its own yet."""
    for number in range(10):  # on a busy machine they may have begun before anybody looks
        folder = tmp_path / str(number)
        folder.mkdir()
        with served(folder, wait=False) as server:
            until(lambda made=server: len(made.workers()) == 2, "two processes")
            until(lambda made=server: begin(made) or begun(made), "both begin")
            if begun(server):
                continue
            asked = time.monotonic()
            assert stop(server) == 0
            assert time.monotonic() - asked < 5
            return
    pytest.fail("they had always begun")


def begin(server: WebServer) -> bool:
    return not any(hears(pid, SIGTERM) for pid in server.workers())


def begun(server: WebServer) -> bool:
    return "Started worker" in server.log.read_text()


def test_a_request_that_does_not_end_stops_no_stop(committed, tmp_path):
    alice = committed("Alice")
    with served(tmp_path) as server:
        line = begin_request(server, alice.key)
        pids = server.workers()
        assert stop(server) == 0  # within its grace
        assert not any(started(pid) for pid in pids)
        line.close()


def test_a_worker_that_dies_has_a_follower_and_none_outlives_the_server(committed, tmp_path):
    with served(tmp_path) as server:
        first = server.workers()
        assert len(first) == 2
        os.kill(min(first), SIGKILL)
        until(lambda: len(server.workers() - first) == 1, "a follower")
        until(lambda: server.log.read_text().count("Started worker") == 3, "it serves")
        assert all(answers(server) for _ in range(20))
        assert re.search(
            r"Z ERROR _granian \[-\] Unexpected exit from worker-\d", server.log.read_text()
        )
        now = server.workers()
        assert len(now) == 2 and server.server.poll() is None
        server.server.send_signal(SIGKILL)
        server.server.wait()
        until(lambda: not any(started(pid) for pid in now), "their end", 5)
        until(lambda: refuses(server), "a free port", 5)


def test_a_server_that_cannot_start_ends_and_tells_why_without_a_secret(tmp_path):
    """A word of the operator's that stands in the wrong place."""
    log = tmp_path / "web.log"
    words = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ATTUNE_MASTER_KEY", "PATH")
    environ = {name: os.environ[name] for name in words}
    environ["ATTUNE_MODE"] = "postgresql://app:hunter2@db/attune"
    process = product(port=any_free(), var=tmp_path, env=environ, setup_env={}).serving[0]
    with log.open("wb") as file:
        server = Popen(process.argv, env=environ, cwd=ROOT, stdout=file, stderr=file)
        assert server.wait(60) == 1
    text = log.read_text()
    assert "Z ERROR attune.wsgi [-] the web server cannot start" in text
    assert "ATTUNE_MODE is 'postgresql://app:…@db/attune'" in text
    assert "hunter2" not in text


IN_A_WORKER = """
import ctypes, gc, json, multiprocessing, os
def look():
    import attune.wsgi
    tie = ctypes.c_int()
    ctypes.CDLL(None).prctl(2, ctypes.byref(tie))  # PR_GET_PDEATHSIG
    from django.urls import get_resolver
    print(json.dumps({
        "frozen": gc.get_freeze_count() > 50_000, "threshold": gc.get_threshold(), "tie": tie.value,
        "urls": "url_patterns" in vars(get_resolver()),
        "secrets": sorted(name for name in os.environ if "SECRET" in name or "_URL" in name),
    }), flush=True)
before = multiprocessing.get_context("fork").Process(target=look)
before.start(); before.join()
look()
"""


def test_a_process_of_the_server_settles_and_one_that_is_not_stays_as_it_is():
    found = production.run("-c", IN_A_WORKER)
    worker, other = (json.loads(line) for line in found.stdout.splitlines())
    assert worker == {
        "frozen": True, "threshold": [5000, 10, 10], "tie": SIGKILL, "urls": True, "secrets": [],
    }  # fmt: skip
    assert (other["frozen"], other["tie"]) == (False, 0)
    assert other["secrets"] == ["DATABASE_URL", "REDIS_URL", "SECRET_KEY"]


def test_a_thread_that_ends_leaves_no_connection_to_the_database(
    django_db_setup, django_db_blocker
):
    kept = []

    def application(environ, start_response):
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        kept.append(connection.connection)
        start_response("200 OK", [])
        return [b"ok"]

    wrapped = ThreadConnections(application)
    gc.disable()  # the collection would close it, some day
    try:
        with django_db_blocker.unblock():
            thread = Thread(target=lambda: [ask(wrapped, "/a"), ask(wrapped, "/b")])
            thread.start()
            thread.join(30)
    finally:
        gc.enable()
    first, second = kept
    assert first is second
    assert first.closed


def test_a_connection_that_the_database_has_closed_is_opened_anew(committed):
    seen = []

    def application(environ, start_response):
        with connection.cursor() as cursor:
            cursor.execute("select pg_backend_pid()")
            seen.append(cursor.fetchone()[0])
        start_response("200 OK", [])
        return [b"ok"]

    wrapped = ThreadConnections(application)
    connection.health_check_enabled = False
    ask(wrapped, "/a")
    ask(wrapped, "/b")
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        other.execute("select pg_terminate_backend(%s)", [seen[0]])
    deadline = time.monotonic() + 10
    while not select.select([connection.connection.fileno()], [], [], 0.1)[0]:
        assert time.monotonic() < deadline
    ask(wrapped, "/c")
    assert seen[0] == seen[1] != seen[2]
