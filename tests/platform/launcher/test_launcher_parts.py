"""The launcher's small parts, each on its own."""

import os
import sys
from pathlib import Path

import pytest

from launcher import kept_secrets, ports, table
from launcher.announce import welcome
from launcher.environment import Services, serving, setting_up
from launcher.leftovers import started
from launcher.redis_server import _quoted
from launcher.supervisor import LOG_LIMIT, ending, last_words, rotate
from launcher.trouble import Trouble


@pytest.mark.parametrize("text", ["", "0", "65536", "80a", "-1", "²", "8000.5"])
def test_an_odd_web_port_is_explained(text: str) -> None:
    with pytest.raises(Trouble, match="give a number between 1 and 65535"):
        ports.web_port({"ATTUNE_PORT": text})


def test_the_chosen_web_port_is_used() -> None:
    port = ports.any_free()
    assert ports.web_port({"ATTUNE_PORT": str(port)}) == port


def test_a_port_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = ports.remembered(path, "redis")
    assert first in ports.RANGES["redis"]
    assert ports.remembered(path, "redis") == first


@pytest.mark.parametrize("text", ["{", '{"redis": "many"}', '{"redis": 99999999}', "[]"])
def test_an_odd_list_of_ports_is_made_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ports.json"
    path.write_text(text)
    assert ports.remembered(path, "redis") in ports.RANGES["redis"]


def test_secrets_differ_and_show_nothing() -> None:
    first, second = kept_secrets.make(), kept_secrets.make()
    assert first.app_password != second.app_password
    assert first.app_password != first.owner_password
    assert repr(first) == "Secrets(…)"
    assert repr(Services("postgresql://a:b@c/d", "", "")) == "Services(…)"


def test_nothing_of_the_callers_replaces_what_a_run_sets() -> None:
    outer = {
        "HOME": "/home/alice",
        "DATABASE_URL_FILE": "/elsewhere",
        "SECRET_KEY": "old",
        "DATABASE_OWNER_URL": "old",
        "DATABASE_OWNER_URL_FILE": "/elsewhere",
    }
    services = Services(app_url="app", owner_url="owner", redis_url="broker")
    secrets = kept_secrets.make()
    env = serving(outer, services=services, secrets=secrets, var=Path("/var"), mode="local")
    assert env == {
        "HOME": "/home/alice",
        "DATABASE_URL": "app",
        "REDIS_URL": "broker",
        "SECRET_KEY": secrets.secret_key,
        "ATTUNE_MASTER_KEY": secrets.master_key,
        "ATTUNE_MODE": "local",
        "ATTUNE_VAR": "/var",
        "DJANGO_SETTINGS_MODULE": "attune.settings",
        "HF_HUB_OFFLINE": "1",
    }
    assert setting_up(env, services) == {**env, "DATABASE_OWNER_URL": "owner"}


def test_the_product_serves_with_these_commands() -> None:
    plan = table.product(port=8000, var=Path("/a b/var"), env={}, setup_env={})
    assert [(step.name, step.argv[1:]) for step in plan.steps] == [
        ("set-up", ("manage.py", "set_up"))
    ]
    assert [process.name for process in plan.serving] == [
        "web",
        "worker-default",
        "worker-streams",
        "worker-gpu",
        "beat",
    ]
    assert all(process.argv[:2] == (sys.executable, "-m") for process in plan.serving)
    web, _, _, gpu, beat = (process.argv[2:] for process in plan.serving)
    assert web[:4] == ("attune.web", "attune.wsgi:application", "--interface", "wsgi")
    assert web[4:8] == ("--host", "127.0.0.1", "--port", "8000")
    assert gpu[-4:] == ("--pool", "threads", "--concurrency", "1")
    assert beat[-2:] == ("--schedule", "/a b/var/beat-schedule")


def test_only_steps_get_the_environment_of_steps() -> None:
    plan = table.product(port=1, var=Path(), env={"A": "serving"}, setup_env={"A": "step"})
    assert {step.env["A"] for step in plan.steps} == {"step"}
    assert {process.env["A"] for process in plan.serving} == {"serving"}


def test_the_welcome_shows_what_the_demo_wrote(tmp_path: Path) -> None:
    demo = tmp_path / "demo.json"
    demo.write_text('{"email": "a@b", "password": "p", "api_key": "k", "curl": "curl x"}')
    assert welcome(8000, demo).splitlines() == [
        "  open      http://127.0.0.1:8000",
        "  sign in   a@b",
        "  password  p",
        "  API key   k",
        "  try       curl x",
        "  stop      Ctrl-C",
    ]


def test_the_welcome_bears_a_broken_demo_file(tmp_path: Path) -> None:
    demo = tmp_path / "demo.json"
    demo.write_text("{")
    assert f"{demo} cannot be read" in welcome(8000, demo)


def test_an_ending_is_said_in_words() -> None:
    assert ending(3) == "ended with status 3"
    assert ending(-9) == "was ended by signal 9 (Killed)"


def test_the_last_words_skip_blank_lines(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("first\nlast\n\n")
    assert last_words(log) == f"last (log: {log})"
    assert last_words(tmp_path / "none.log") == f"it said nothing (log: {tmp_path / 'none.log'})"


def test_a_long_log_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.touch()
    os.truncate(log, LOG_LIMIT + 1)
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "web.log.1").stat().st_size == LOG_LIMIT + 1


def test_a_short_log_stays(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("short")
    rotate(log)
    assert log.read_text() == "short"


def test_a_dead_process_has_no_start() -> None:
    assert started(os.getpid()) is not None
    pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", ""])
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert started(pid) is None  # a zombie
    os.waitpid(pid, 0)
    assert started(pid) is None


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("/a b", '"/a b"'), ('/a"b', '"/a\\"b"'), ("/a\\b", '"/a\\\\b"')],
)
def test_a_folder_of_any_name_fits_the_brokers_configuration(text: str, quoted: str) -> None:
    assert _quoted(text) == quoted
