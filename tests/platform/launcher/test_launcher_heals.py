"""What an earlier run, a crash or a person left in the folder is healed or explained."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from launcher_runs import Run, until

from launcher import postgres
from launcher.leftovers import started
from launcher.process import Process


def _only_version(data: Path) -> None:
    data.mkdir()
    (data / "PG_VERSION").write_text("18\n")


def _empty_control_file(data: Path) -> None:
    _only_version(data)
    (data / "global").mkdir()
    (data / "global" / "pg_control").touch()


HALF_WRITTEN: dict[str, Callable[[Path], None]] = {
    "empty folder": lambda data: data.mkdir(),
    "version file alone": _only_version,
    "empty control file": _empty_control_file,
}


@pytest.mark.parametrize("case", HALF_WRITTEN)
def test_a_half_written_database_folder_is_set_aside(fresh_run: Run, case: str) -> None:
    fresh_run.var.mkdir()
    data = fresh_run.var / "postgres"
    HALF_WRITTEN[case](data)
    left = sorted(path.name for path in data.iterdir())
    fresh_run.start()
    (aside,) = fresh_run.var.glob("postgres.half-written-*")
    assert sorted(path.name for path in aside.iterdir()) == left
    assert "was half written and holds no database" in fresh_run.printed()
    assert fresh_run.query("select 1") == [(1,)]


def test_a_run_killed_while_it_makes_the_database_begins_again(fresh_run: Run) -> None:
    fresh_run.launch()
    record = fresh_run.var / "run" / "initdb.pid"
    until(lambda: record.exists() and record.read_text() != "", "initdb")
    os.kill(fresh_run.pid("initdb"), signal.SIGSTOP)  # so that it cannot finish before the kill
    fresh_run.stop(signal.SIGKILL)
    assert not (fresh_run.var / "postgres").exists()
    fresh_run.start()
    assert fresh_run.query("select 1") == [(1,)]
    assert not (fresh_run.var / "postgres.new").exists()
    assert not (fresh_run.var / "run" / "password").exists()


@pytest.mark.parametrize("text", ["", "{pid}\n"])
def test_a_stale_postmaster_pid_does_not_stop_the_start(run: Run, text: str) -> None:
    run.start()
    run.stop()
    lock_file = run.var / "postgres" / "postmaster.pid"
    assert not lock_file.exists()
    lock_file.write_text(text.format(pid=os.getpid()))
    run.start()
    assert run.query("select 1") == [(1,)]


def test_a_database_server_that_nobody_watches_is_stopped_not_robbed(run: Run) -> None:
    run.start()
    run.query("create table kept (word text)")
    run.stop()
    with subprocess.Popen(_server_process(run).argv, stderr=subprocess.DEVNULL) as orphan:
        until(lambda: run.query_or_none("select 1") is not None, "the orphan's answer")
        run.start()
        assert orphan.wait(timeout=60) is not None
    assert "stopped a PostgreSQL that an earlier run had left behind" in run.printed()
    assert run.query("select count(*) from kept") == [(0,)]
    assert started(orphan.pid) is None


def _server_process(run: Run) -> Process:
    def no_step(process: Process) -> None:
        raise AssertionError(f"{process.name} must not run")

    port = json.loads((run.var / "ports.json").read_text())["postgres"]
    server = postgres.Server(run.var / "postgres", port, "", {})
    return postgres.prepare(server, drafts=run.var / "run", run_step=no_step, say=print)


def test_a_database_of_another_version_is_explained(run: Run) -> None:
    run.start()
    run.stop()
    version = run.var / "postgres" / "PG_VERSION"
    version.write_text("17\n")
    assert "was made by PostgreSQL 17, this is 18" in run.refused()
    assert version.exists()


def test_a_taken_port_of_the_database_is_left_for_another(run: Run) -> None:
    run.start()
    run.stop()
    before = json.loads((run.var / "ports.json").read_text())
    with socket.create_server(("127.0.0.1", before["postgres"])):
        run.start()
    after = json.loads((run.var / "ports.json").read_text())
    assert after["redis"] == before["redis"]
    assert after["postgres"] != before["postgres"]
    assert run.query("select 1") == [(1,)]


def test_lost_secrets_are_never_replaced(run: Run) -> None:
    run.start()
    run.stop()
    (run.var / "secrets.json").unlink()
    assert "secrets.json is gone, and without it" in run.refused()
    assert not (run.var / "secrets.json").exists()


def test_secrets_that_do_not_open_the_database_are_explained(run: Run) -> None:
    run.start()
    run.stop()
    path = run.var / "secrets.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "postgres_password": "other"}))
    assert "secrets.json do not open the database beside it" in run.refused()


@pytest.mark.parametrize("text", ["{", "[]", '{"secret_key": 1}'])
def test_unreadable_secrets_are_explained_and_kept(fresh_run: Run, text: str) -> None:
    fresh_run.var.mkdir()
    path = fresh_run.var / "secrets.json"
    path.write_text(text)
    assert "Put it back from a backup" in fresh_run.refused()
    assert path.read_text() == text


def test_a_secret_that_a_newer_version_needs_is_added(run: Run) -> None:
    run.start()
    run.stop()
    path = run.var / "secrets.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in stored.items() if k != "demo_password"}))
    run.start()
    after = json.loads(path.read_text())
    assert after["demo_password"] not in ("", stored["demo_password"])
    assert {**after, "demo_password": ""} == {**stored, "demo_password": ""}


def test_a_log_of_the_broker_that_a_kill_cut_is_read_as_far_as_it_goes(run: Run) -> None:
    _fill_broker(run)
    log = run.var / "redis" / "appendonly.aof"
    log.write_bytes(log.read_bytes()[:-3])
    with redis.Redis.from_url(run.start().noted("note")["REDIS_URL"]) as broker:
        assert broker.get("first") == b"1"
        assert broker.get("second") is None


def test_a_broken_log_of_the_broker_is_set_aside(run: Run) -> None:
    _fill_broker(run)
    log = run.var / "redis" / "appendonly.aof"
    log.write_bytes(b"*2\r\nnonsense" + log.read_bytes())
    broken = log.read_bytes()
    with redis.Redis.from_url(run.start().noted("note")["REDIS_URL"]) as broker:
        assert broker.get("first") is None
    assert "Redis could not read its log; set it aside" in run.printed()
    assert log.with_name("appendonly.aof.broken").read_bytes() == broken


def _fill_broker(run: Run) -> None:
    with redis.Redis.from_url(run.start().noted("note")["REDIS_URL"]) as broker:
        broker.set("first", "1")
        broker.set("second", "2")
    run.stop()
