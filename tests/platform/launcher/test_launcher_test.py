"""`python -m launcher.test`: what the tests are given, and that nothing of it stays."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from launcher_runs import until

from launcher.leftovers import started

# The tests inside: they note where they run, then wait if told to.
INNER = """
import json, os, time
from pathlib import Path
import psycopg, redis

def test_services_answer():
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        with psycopg.connect(os.environ[name]) as connection:
            fsync = connection.execute("show fsync").fetchone()
    assert fsync == ("off",)
    assert redis.Redis.from_url(os.environ["REDIS_URL"]).ping()
    assert os.environ["ATTUNE_MODE"] == "test"
    var = Path(os.environ["ATTUNE_VAR"])
    running = [json.loads(path.read_text())["pid"] for path in var.glob("run/*.pid")]
    note = {"var": str(var), "pids": running, "url": os.environ["DATABASE_URL"]}
    Path(os.environ["NOTE"]).write_text(json.dumps(note))
    time.sleep(float(os.environ.get("WAIT", "0")))

def test_as_wished():
    assert os.environ.get("WISH") != "fail"
"""


class Inner:
    """One run of the inner tests."""

    def __init__(self, folder: Path, **environ: str) -> None:
        folder.mkdir(parents=True)
        (folder / "test_inner.py").write_text(INNER)
        self.note = folder / "note.json"
        arguments = ["-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider"]
        # Plugins that the inner tests do not use take seconds to import.
        quick = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        places = {"NOTE": str(self.note), "TMPDIR": str(folder.parent)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "launcher.test", *arguments, str(folder)],
            env={**os.environ, **quick, **places, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def noted(self) -> dict[str, object]:
        until(lambda: self.note.exists() and self.note.read_text().endswith("}"), "the note")
        noted: dict[str, object] = json.loads(self.note.read_text())
        return noted

    def end(self) -> tuple[int, str]:
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, out


def _nothing_left(noted: dict[str, object]) -> bool:
    pids = noted["pids"]
    assert isinstance(pids, list) and len(pids) == 3
    return not any(started(pid) for pid in pids)


@pytest.mark.parametrize(("wish", "status"), [("pass", 0), ("fail", 1)])
def test_the_status_is_the_tests_own_and_nothing_stays(
    tmp_path: Path, wish: str, status: int
) -> None:
    # A database that the caller's environment names is never reached.
    precious = dict.fromkeys(("DATABASE_URL", "PGSERVICE"), "postgresql://nowhere/precious")
    tests = Inner(tmp_path / "inner", WISH=wish, **precious)
    code, out = tests.end()
    assert code == status, out
    noted = tests.noted()
    assert "precious" not in str(noted["url"])
    assert _nothing_left(noted)
    assert not Path(str(noted["var"])).exists()


def test_two_at_once_do_not_meet(tmp_path: Path) -> None:
    both = [Inner(tmp_path / name, WAIT="1") for name in ("first", "second")]
    assert [tests.end()[0] for tests in both] == [0, 0]
    first, second = (tests.noted() for tests in both)
    assert first["url"] != second["url"]
    assert not set(first["pids"]) & set(second["pids"])  # type: ignore[call-overload]


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_leaves_nothing(tmp_path: Path, kind: signal.Signals) -> None:
    tests = Inner(tmp_path / "inner", WAIT="1000")
    noted = tests.noted()
    tests.process.send_signal(kind)
    assert tests.end()[0] == 128 + kind
    assert _nothing_left(noted)
    assert not Path(str(noted["var"])).exists()


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    killed = Inner(tmp_path / "killed", WAIT="1000")
    noted = killed.noted()
    killed.process.kill()
    killed.end()
    until(lambda: _nothing_left(noted), "the end of all processes")
    assert Path(str(noted["var"])).exists()
    assert Inner(tmp_path / "next").end()[0] == 0
    assert not Path(str(noted["var"])).exists()
