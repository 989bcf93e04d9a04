"""The container files agree with the launcher's process table, the settings and each other."""

import base64
import importlib.util
import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
import yaml
from launcher_runs import Run

from launcher import roles, table
from launcher.places import ROOT
from launcher.wheels import postgres_program

DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("web", "worker-default", "worker-streams", "worker-gpu", "beat", "migrate")
# What a container says differently from a local run, and why.
IN_A_CONTAINER = {
    "127.0.0.1": "0.0.0.0",  # reached from outside its own network namespace
    "VAR/beat-schedule": "/var/lib/attune/beat/schedule",
}


def _dockerfile(word: str) -> list[str]:
    """The arguments of every line of the Dockerfile that begins with `word`."""
    text = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.partition(" ")[2].strip() for line in text.splitlines() if line.startswith(word)]


def _make_secrets() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_secrets", DOCKER / "make_secrets.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _local(kind: str) -> dict[str, list[str]]:
    """Process -> its command; celery has one of its own, modules are run by Python."""
    plan = table.product(port=8000, var=Path("VAR"), env={}, setup_env={})
    commands = {
        process.name: [IN_A_CONTAINER.get(word, word) for word in process.argv[1:]]
        for process in getattr(plan, kind)
    }
    return {
        name: words[1:] if words[1] == "celery" else ["python", *words]
        for name, words in commands.items()
    }


@pytest.mark.parametrize("name", ["web", "worker-default", "worker-streams", "worker-gpu", "beat"])
def test_a_service_runs_the_command_of_the_process_table(name: str) -> None:
    assert SERVICES[name]["command"] == _local("serving")[name]


def test_the_migration_step_is_the_launchers() -> None:
    assert SERVICES["migrate"]["command"] == [*_local("steps")["set-up"], "--without-demo"]
    assert SERVICES["migrate"]["restart"] == "no"


def test_the_image_serves_web_by_default() -> None:
    (command,) = _dockerfile("CMD")
    assert json.loads(command) == SERVICES["web"]["command"]


def test_the_image_is_python_311_and_does_not_run_as_root() -> None:
    assert _dockerfile("FROM") == ["python:3.11-slim"]
    assert _dockerfile("USER") == ["attune"]


def test_the_owner_url_reaches_the_migration_alone() -> None:
    holders = [
        name for name in SERVICES if "database_owner_url" in SERVICES[name].get("secrets", [])
    ]
    assert holders == ["migrate"]
    assert "DATABASE_OWNER_URL_FILE" in SERVICES["migrate"]["environment"]
    assert "DATABASE_OWNER_URL_FILE" not in SERVICES["web"]["environment"]


@pytest.mark.parametrize("name", OURS)
def test_a_service_gets_the_secrets_that_its_environment_names(name: str) -> None:
    environment = SERVICES[name]["environment"]
    named = {Path(path).name for key, path in environment.items() if key.endswith("_FILE")}
    assert named == set(SERVICES[name]["secrets"])


def test_every_secret_is_declared_made_and_used() -> None:
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"]) == set(_make_secrets().make())
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}


def test_every_volume_is_declared_and_used() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    named = {mount.partition(":")[0] for mount in mounts if not mount.startswith("./")}
    assert named == set(COMPOSE["volumes"])
    for mount in mounts:
        if mount.startswith("./"):
            assert (DOCKER / mount.partition(":")[0]).is_file()


def test_a_volume_of_ours_belongs_to_the_images_user_beforehand() -> None:
    made = " ".join(_dockerfile("RUN"))
    for mount in SERVICES["web"]["volumes"]:
        assert f" {mount.partition(':')[2]} " in made


@pytest.mark.parametrize(
    "name", ["web", "worker-default", "worker-streams", "worker-gpu", "postgres", "redis"]
)
def test_what_serves_has_a_health_check(name: str) -> None:
    if name == "web":  # the image's own
        assert json.loads(_dockerfile("HEALTHCHECK")[0].partition("CMD ")[2]) == [
            "python",
            "docker/healthy.py",
        ]
    else:
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD-SHELL"


def test_services_wait_for_what_they_need() -> None:
    for name in ("web", "worker-default", "worker-streams", "worker-gpu", "beat"):
        assert SERVICES[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "redis": {"condition": "service_healthy"},
        }
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_only_the_web_server_is_published_and_to_this_host_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_the_gpu_file_changes_a_service_that_exists() -> None:
    extra = yaml.safe_load((DOCKER / "compose.gpu.yaml").read_text())
    assert set(extra["services"]) == {"worker-gpu"}


def test_the_environment_of_compose_satisfies_the_settings(tmp_path: Path) -> None:
    assert _make_secrets().main(tmp_path / "secrets") == 0
    environment = {"PATH": os.environ["PATH"], "ATTUNE_VAR": str(tmp_path)}
    for name, value in SERVICES["migrate"]["environment"].items():
        filled = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", value)  # it has a default
        filled = re.sub(r"\$\{(\w+):.*\}", r"https://\1.example.com", filled)
        environment[name] = filled.replace("/run/secrets", str(tmp_path / "secrets"))
    environment["ALLOWED_HOSTS"] = "attune.example.com"
    show = "from attune import settings as s; print(s.MODE, s.ALLOWED_HOSTS, sorted(s.DATABASES))"
    shown = subprocess.run(
        [sys.executable, "-c", show],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.stderr == ""
    assert shown.stdout == "production ['attune.example.com'] ['default', 'owner']\n"


def test_made_secrets_are_kept_and_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets = _make_secrets()
    assert make_secrets.main(folder) == 0
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(base64.b64decode(made["master_key"], validate=True)) == 32
    assert made["app_password"] in made["database_url"]
    assert make_secrets.main(folder) == 1
    assert {path.name: path.read_text() for path in folder.iterdir()} == made


def test_made_secrets_stay_out_of_the_repository_and_the_image() -> None:
    assert "secrets/" in (DOCKER / ".gitignore").read_text().splitlines()
    assert "docker/secrets" in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()


def test_roles_sql_makes_both_roles_and_may_run_again(up: Run) -> None:
    up.query("create database shop")
    url = up.admin_url().removesuffix("/postgres") + "/shop"
    words = ["-v", "owner_password=it's owner", "-v", "app_password=app"]
    command = [str(postgres_program("psql")), url, *words, "-f", str(DOCKER / "roles.sql")]
    for _ in range(2):
        subprocess.run(command, check=True, capture_output=True)
    with psycopg.connect(url, user="attune_owner", password="it's owner") as owner:
        rights = owner.execute(
            "select rolname, rolsuper, rolbypassrls, rolcreatedb"
            " from pg_roles where rolname like 'attune_%' order by rolname"
        ).fetchall()
        assert rights == [
            ("attune_app", False, False, False),
            ("attune_owner", False, False, True),
        ]
        owner.execute("create table made_by_owner (id int)")
    with psycopg.connect(url, user="attune_app", password="app") as app:
        assert app.execute("select current_user").fetchone() == ("attune_app",)


def test_the_init_script_hands_over_both_passwords() -> None:
    script = (DOCKER / "roles.sh").read_text()
    words = shlex.split(script.partition("psql ")[2].replace("\\\n", " "))
    assert "owner_password=$(cat /run/secrets/owner_password)" in words
    assert "app_password=$(cat /run/secrets/app_password)" in words
    assert words[-2:] == ["-f", "/roles.sql"]
    assert (DOCKER / "roles.sh").stat().st_mode & 0o111


def test_roles_sql_names_the_launchers_roles() -> None:
    text = (DOCKER / "roles.sql").read_text()
    assert set(re.findall(r"ALTER ROLE (\w+)", text)) == {roles.OWNER, roles.APP}
