"""DATABASE_URL and REDIS_URL in place of the embedded parts."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from launcher_runs import LONG, Run

from launcher import ports
from launcher.external import with_role


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Run]:
    """A server as a hosting company hands it out: `admin` may create roles and owns `shop`."""
    home = tmp_path_factory.mktemp("managed") / LONG
    home.mkdir()
    shutil.copytree(template, home / "var")
    server = Run(var=home / "var", port=ports.any_free()).start()
    for statement in (
        "drop database attune",
        "drop role attune_owner, attune_app",
        "create role admin login createrole password 'pa/ss@word'",
        "create role plain login password 'plain'",
        "create role other_admin login createrole password 'other'",
        "create database shop owner admin",
    ):
        server.query(statement)
    yield server
    server.stop()
    shutil.rmtree(home)


def _url(managed: Run, role: str, password: str) -> str:
    return with_role(managed.admin_url(), role, password).replace("/postgres", "/shop")


@pytest.fixture
def admin_url(managed: Run) -> str:
    return _url(managed, "admin", "pa/ss@word")


def _user(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("select current_user").fetchone()
    assert row is not None
    return str(row[0])


def test_an_admin_makes_both_roles_and_nothing_embedded_starts(
    fresh_run: Run, admin_url: str
) -> None:
    fresh_run.start(DATABASE_URL=admin_url)
    owner_url = fresh_run.noted("step")["DATABASE_OWNER_URL"]
    app_url = fresh_run.noted("note")["DATABASE_URL"]
    assert (_user(owner_url), _user(app_url)) == ("attune_owner", "attune_app")
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("create table made_by_owner (id int)")
        owner.execute("drop table made_by_owner")
    with psycopg.connect(app_url) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("create table mine (id int)")
    assert not (fresh_run.var / "postgres").exists()
    assert "ss%40word" not in json.dumps(fresh_run.noted("note"))


def test_a_second_start_finds_the_roles_made(fresh_run: Run, admin_url: str) -> None:
    for _ in range(2):
        fresh_run.start(DATABASE_URL=admin_url)
        assert _user(fresh_run.noted("note")["DATABASE_URL"]) == "attune_app"
        fresh_run.stop()


def test_two_given_roles_are_used_as_they_are(fresh_run: Run, managed: Run, admin_url: str) -> None:
    app_url = _url(managed, "plain", "plain")
    fresh_run.start(DATABASE_URL=app_url, DATABASE_OWNER_URL=admin_url)
    assert fresh_run.noted("step")["DATABASE_OWNER_URL"] == admin_url
    assert fresh_run.noted("note")["DATABASE_URL"] == app_url
    assert "DATABASE_OWNER_URL" not in fresh_run.noted("note")


def test_a_plain_role_alone_is_not_enough(fresh_run: Run, managed: Run) -> None:
    printed = fresh_run.refused(DATABASE_URL=_url(managed, "plain", "plain"))
    assert printed == (
        "attune: DATABASE_URL's role plain may not create roles. Give the role that migrates in "
        "DATABASE_OWNER_URL, too.\n"
    )


def test_a_superuser_may_not_serve(fresh_run: Run, managed: Run, admin_url: str) -> None:
    superuser = managed.admin_url().replace("/postgres?", "/shop?")
    printed = fresh_run.refused(DATABASE_URL=superuser, DATABASE_OWNER_URL=admin_url)
    assert "DATABASE_URL's role postgres ignores row-level security" in printed


def test_an_admin_without_the_database_is_told_so(fresh_run: Run, managed: Run) -> None:
    managed.query("drop role if exists attune_app")
    printed = fresh_run.refused(DATABASE_URL=_url(managed, "other_admin", "other"))
    assert printed.count("\n") == 1
    assert "DATABASE_URL" in printed


def test_an_unreachable_database_is_explained_without_its_password(fresh_run: Run) -> None:
    port = ports.any_free()
    printed = fresh_run.refused(DATABASE_URL=f"postgresql://someone:hidden@127.0.0.1:{port}/shop")
    assert f"port {port} failed: Connection refused" in printed
    assert "hidden" not in printed
    assert printed.count("\n") == 1


def test_a_given_broker_replaces_the_embedded_one(fresh_run: Run, managed: Run) -> None:
    url = managed.noted("note")["REDIS_URL"]
    fresh_run.start(REDIS_URL=url)
    assert fresh_run.noted("note")["REDIS_URL"] == url
    assert not (fresh_run.var / "redis").exists()


def test_an_unreachable_broker_is_explained_without_its_password(fresh_run: Run) -> None:
    port = ports.any_free()
    printed = fresh_run.refused(REDIS_URL=f"redis://:hidden@127.0.0.1:{port}/0")
    assert "attune: REDIS_URL: " in printed
    assert "hidden" not in printed


def test_no_given_url_is_a_readable_broker_url(fresh_run: Run) -> None:
    assert "attune: REDIS_URL: " in fresh_run.refused(REDIS_URL="ftp://nowhere")
