"""How a run ends, however it is made to, and how the next one finds things."""

import os
import signal
import socket

import pytest
from launcher_runs import Run, gone, until

from launcher import up
from launcher.leftovers import started
from launcher.places import Places


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_ends_everything_in_reverse_order(run: Run, kind: signal.Signals) -> None:
    pids = run.start().pids()
    assert run.stop(kind) == 0
    assert gone(pids)
    lines = run.printed().splitlines()
    stopped = [line.split()[2] for line in lines if line.endswith(" stopped")]
    assert stopped == ["note", "worker", "web", "redis", "postgres"]
    assert lines[-1] == f"attune | stopped ({kind.name})"


def test_a_stop_while_starting_leaves_nothing(run: Run) -> None:
    run.launch()
    until(lambda: "postgres started" in run.printed(), "PostgreSQL's start")
    pid = run.pid("postgres")
    assert run.stop() == 0
    assert started(pid) is None
    assert list((run.var / "run").glob("*.pid")) == []


def test_a_run_whose_reader_is_gone_goes_on_and_stops_cleanly(run: Run) -> None:
    read_end, write_end = os.pipe()
    run.launch(out=write_end)
    os.close(write_end)
    until(lambda: run.grandchild() > 0, "the worker's child")
    pids = run.pids()
    os.close(read_end)
    os.kill(pids["worker"], signal.SIGKILL)  # makes it say something
    until(lambda: run.grandchild() not in (0, pids["grandchild"]), "a new grandchild")
    pids = run.pids()
    assert run.stop() == 0
    assert gone(pids)


def test_a_killed_run_takes_children_and_grandchildren_along(run: Run) -> None:
    pids = run.start().pids()
    assert sorted(pids) == ["grandchild", "note", "postgres", "redis", "web", "worker"]
    run.stop(signal.SIGKILL)
    until(lambda: gone(pids), "the end of all processes")


def test_the_next_run_stops_what_outlived_run_and_guard(run: Run) -> None:
    run.start()
    grandchild, watch = run.grandchild(), run.guard()
    os.kill(watch, signal.SIGKILL)
    run.stop(signal.SIGKILL)
    assert started(grandchild) is not None
    run.start()
    assert started(grandchild) is None
    assert "that an earlier run had left behind" in run.printed()


def test_rows_outlive_a_killed_run(run: Run) -> None:
    run.start()
    run.query("create table kept (word text)")
    run.query("insert into kept values ('still here')")
    run.stop(signal.SIGKILL)
    run.start()
    assert run.query("select word from kept") == [("still here",)]


def test_a_second_start_makes_no_new_database_and_no_new_secrets(fresh_run: Run) -> None:
    fresh_run.start()
    secrets = (fresh_run.var / "secrets.json").read_text()
    assert "making the database folder" in fresh_run.printed()
    fresh_run.stop()
    fresh_run.start()
    assert "making the database folder" not in fresh_run.printed()
    assert (fresh_run.var / "secrets.json").read_text() == secrets


def test_a_killed_server_is_started_again_and_its_children_end(run: Run) -> None:
    before = run.start().pids()
    os.kill(before["worker"], signal.SIGKILL)
    until(lambda: run.grandchild() not in (0, before["grandchild"]), "a new grandchild")
    after = run.pids()
    assert started(before["grandchild"]) is None
    assert "worker was ended by signal 9 (Killed); starts again in 1 s" in run.printed()
    assert str(run.var / "log" / "worker.log") in run.printed()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"worker", "grandchild"}


def test_a_killed_database_comes_back_beside_the_others(run: Run) -> None:
    before = run.start().pids()
    run.query("create table kept (word text)")
    os.kill(before["postgres"], signal.SIGKILL)
    until(lambda: run.printed().count("postgres started") == 2, "the second start")
    until(lambda: run.query_or_none("select 1") is not None, "an answer")
    assert run.query("select count(*) from kept") == [(0,)]
    after = run.pids()
    assert {name for name in before if before[name] != after[name]} == {"postgres"}


def test_a_step_that_fails_ends_the_run_with_its_last_line(run: Run) -> None:
    printed = run.refused(STAND_IN_STEP="raise SystemExit('the cause stands here')")
    assert "attune: step ended with status 1: the cause stands here (log: " in printed
    assert list((run.var / "run").glob("*.pid")) == []


def test_a_port_in_use_is_explained(fresh_run: Run) -> None:
    with socket.create_server(("127.0.0.1", fresh_run.port)):
        printed = fresh_run.refused()
    assert printed == (
        f"attune: Port {fresh_run.port} is in use by another program. Stop that program, or choose "
        f"another port: ATTUNE_PORT={fresh_run.port + 1} make up\n"
    )
    assert not (fresh_run.var / "postgres").exists()


def test_a_folder_of_somebody_else_is_refused(
    fresh_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh_run.var.mkdir()
    monkeypatch.setattr("launcher.up.os.geteuid", lambda: 4242)
    assert up.main(Places(var=fresh_run.var)) == 1
    assert list(fresh_run.var.iterdir()) == []
