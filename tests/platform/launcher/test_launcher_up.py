"""A run that is up: what it starts, what its processes are told, how it meets a second one."""

import base64
import json
import os
import stat
from pathlib import Path

import psycopg
import pytest
import redis
from launcher_runs import FOREIGN, Run

from launcher import manage
from launcher.places import Places


def test_the_order_of_starting_is_database_broker_steps_servers(up: Run) -> None:
    lines = [line for line in up.printed().splitlines() if "started" in line or "runs" in line]
    assert [line.split()[2] for line in lines] == [
        "postgres",
        "redis",
        "step",
        "web",
        "worker",
        "note",
    ]


def test_the_address_is_printed(up: Run) -> None:
    assert f"open      http://127.0.0.1:{up.port}" in up.printed()


def test_the_owner_url_reaches_steps_alone(up: Run) -> None:
    assert "attune_owner" in up.noted("step")["DATABASE_OWNER_URL"]
    assert "DATABASE_OWNER_URL" not in up.noted("note")
    assert "attune_owner" not in json.dumps(up.noted("note"))


def test_servers_are_told_what_the_settings_need(up: Run) -> None:
    noted = up.noted("note")
    assert noted["ATTUNE_MODE"] == "local"
    assert noted["ATTUNE_VAR"] == str(up.var)
    assert noted["ATTUNE_PORT"] == str(up.port)
    assert noted["DJANGO_SETTINGS_MODULE"] == "attune.settings"
    assert noted["HF_HUB_OFFLINE"] == "1"
    assert len(base64.b64decode(noted["ATTUNE_MASTER_KEY"], validate=True)) == 32
    assert len(noted["SECRET_KEY"]) >= 50


def test_the_app_role_has_no_power_of_its_own(up: Run) -> None:
    with psycopg.connect(up.noted("note")["DATABASE_URL"], autocommit=True) as app:
        rights = app.execute(
            "select rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole"
            " from pg_roles where rolname = current_user"
        ).fetchone()
        assert rights == ("attune_app", False, False, False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("create table mine (id int)")


def test_the_owner_role_owns_the_database_without_being_superuser(up: Run) -> None:
    with psycopg.connect(up.noted("step")["DATABASE_OWNER_URL"], autocommit=True) as owner:
        rights = owner.execute(
            "select rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole,"
            " (select datdba = r.oid from pg_database where datname = current_database())"
            " from pg_roles r where rolname = current_user"
        ).fetchone()
        assert rights == ("attune_owner", False, False, True, False, True)
        owner.execute("create table made_by_owner (id int)")
        owner.execute("drop table made_by_owner")


def test_the_database_is_utf8_with_the_built_in_locale(up: Run) -> None:
    assert up.query(
        "select pg_encoding_to_char(encoding), datlocprovider::text, datlocale"
        " from pg_database where datname = 'attune'"
    ) == [("UTF8", "b", "C.UTF-8")]


def test_the_database_refuses_a_wrong_password(up: Run) -> None:
    wrong = up.noted("note")["DATABASE_URL"].replace("attune_app:", "attune_app:x")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_the_broker_refuses_a_caller_without_password(up: Run) -> None:
    url = up.noted("note")["REDIS_URL"]
    assert redis.Redis.from_url(url).ping() is True
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url("redis://" + url.partition("@")[2]).ping()


def test_no_password_stands_in_a_command_line(up: Run) -> None:
    secrets = json.loads((up.var / "secrets.json").read_text()).values()
    for pid in up.pids().values():
        words = Path(f"/proc/{pid}/cmdline").read_text()
        assert words
        assert not any(secret in words for secret in secrets)


@pytest.mark.parametrize("name", ["secrets.json", "redis/redis.conf", "run/up.lock"])
def test_files_with_secrets_are_their_owners_alone(up: Run, name: str) -> None:
    assert stat.S_IMODE((up.var / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "postgres", "redis", "run", "log"])
def test_folders_are_their_owners_alone(up: Run, name: str) -> None:
    assert stat.S_IMODE((up.var / name).stat().st_mode) == 0o700


def test_no_parent_folder_is_opened_to_others(up: Run) -> None:
    assert stat.S_IMODE(os.stat(up.var.parents[1]).st_mode) == 0o700


def test_a_second_run_names_the_first_and_changes_nothing(up: Run) -> None:
    assert up.process is not None
    before = up.pids()
    second = Run(var=up.var, port=up.port, prints_to="second")
    second.launch()
    assert second.wait() == 0
    assert second.printed() == (
        f"attune | already running: http://127.0.0.1:{up.port} (pid {up.process.pid}), "
        f"logs in {up.var / 'log'}\n"
    )
    assert up.pids() == before


def test_manage_gets_the_environment_of_a_step(up: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    step = up.noted("step")
    names = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "ATTUNE_VAR")
    environment = manage.environment(Places(var=up.var))
    assert {name: environment[name] for name in names} == {name: step[name] for name in names}


def test_manage_without_a_run_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert manage.main(["check"], Places(var=tmp_path)) == 1
    expected = "attune: Nothing runs here. Start it in another window first: make up\n"
    assert capsys.readouterr().err == expected
