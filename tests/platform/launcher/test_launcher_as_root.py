"""PostgreSQL refuses root; each way around that keeps every folder closed to others."""

import os
import signal
import stat
from pathlib import Path

import pytest
from launcher_runs import Run, gone, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="these are root's ways")


def _broken(folder: Path, *names: str) -> str:
    """A PATH on which the named programs fail."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def _owner(run: Run) -> int:
    return (run.var / "postgres").stat().st_uid


def test_files_stay_roots_in_a_user_namespace(run: Run) -> None:
    run.start()
    assert _owner(run) == 0
    assert os.stat(f"/proc/{run.pid('postgres')}").st_uid == 0


def test_another_user_serves_where_namespaces_are_forbidden(run: Run, tmp_path: Path) -> None:
    run.start(PATH=_broken(tmp_path / "bin", "unshare"))
    user = os.stat(f"/proc/{run.pid('postgres')}").st_uid
    assert user != 0
    assert _owner(run) == user
    assert run.query("select 1") == [(1,)]
    for folder in (run.var, run.var / "postgres", tmp_path):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_data_moves_from_one_way_to_the_other_and_back(run: Run, tmp_path: Path) -> None:
    path = _broken(tmp_path / "bin", "unshare")
    run.start()
    run.query("create table kept (word text)")
    run.stop()
    run.start(PATH=path)
    run.query("insert into kept values ('demoted')")
    assert _owner(run) != 0
    run.stop()
    run.start()
    assert _owner(run) == 0
    assert run.query("select word from kept") == [("demoted",)]


def test_a_demoted_database_ends_with_its_supervisor(run: Run, tmp_path: Path) -> None:
    pids = run.start(PATH=_broken(tmp_path / "bin", "unshare")).pids()
    os.kill(run.guard(), signal.SIGKILL)
    os.kill(pids.pop("grandchild"), signal.SIGKILL)
    run.stop(signal.SIGKILL)
    until(lambda: gone(pids), "the end of all direct children")


def test_no_way_at_all_is_explained(run: Run, tmp_path: Path) -> None:
    printed = run.refused(PATH=_broken(tmp_path / "bin", "unshare", "setpriv"))
    assert printed == (
        "attune: PostgreSQL refuses to run as root, and this machine allows neither "
        "`unshare --user` nor `setpriv`. Run make as an ordinary user, or set DATABASE_URL.\n"
    )
